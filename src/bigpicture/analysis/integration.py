"""HAI at work: a block's input, its output, and the two combined.

    x ──block──▶ y      (a) x    (b) y    (c) y + x, a plain skip connection    (d) y + γ ⊙ x, HAI

Where a block that sees the whole picture follows one that sees windows, x and y can differ widely:
added unscaled, x overwhelms y or hardly changes it. HAI learns how much of each channel to add.

A map is the mean magnitude over the channels; the paper does not say how it makes its own maps.

Source: Chen et al., "Recursive Generalization Transformer for Image Super-Resolution", ICLR 2024,
    Fig. 3. https://arxiv.org/abs/2303.06373
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from bigpicture.analysis.blocks import watch_turning
from bigpicture.analysis.operators import find, some_of
from bigpicture.analysis.panels import HeatMap, Lines, Panel
from bigpicture.layers.hai import HybridAdaptiveIntegration
from bigpicture.models.network import Network
from bigpicture.shapes import Float, Tensor

__all__ = ["Integration", "integrations", "show_integrations"]


@dataclass(frozen=True)
class Integration:
    """The features before and after a block and its connection.

    Attributes:
        maps: (a) to (d), see the module: mean magnitude over the channels.
        likeness: Cosine of the angle between x and y, over all pixels and channels.
        skip: How much a plain skip connection changes y: the norm of x over that of y.
        hai: How much HAI changes y: the norm of γ ⊙ x over that of y.
    """

    maps: Float[Tensor, "4 h w"]
    likeness: float
    skip: float
    hai: float


def integrations(network: Network, low: Float[Tensor, "1 c h w"]) -> dict[str, Integration]:
    """Return the features around each block with HAI, by the block's name.

    Args:
        network: In evaluation mode.
        low: The low-resolution picture, in [0, 1].

    Raises:
        ValueError: If the network has no HAI.
    """
    gates = find(network, (HybridAdaptiveIntegration,), "integration")
    blocks = {name.rpartition(".")[0]: gate.gamma.detach() for name, gate in gates.items()}
    height, width = low.shape[-2:]
    found: dict[str, Integration] = {}

    def see(name: str, x: Float[Tensor, "1 h w c"], out: Float[Tensor, "1 h w c"]) -> None:
        # without the mirrored border, which is not part of the picture
        x, out = (features[0, :height, :width] for features in (x, out))
        block, *_ = name.split(" ")  # of a block that runs again, the name has a number
        found[name] = _integration(x, out, blocks[block])

    watch_turning(network, low, blocks, see)
    return found


def _integration(
    x: Float[Tensor, "h w c"], out: Float[Tensor, "h w c"], gamma: Float[Tensor, " c"]
) -> Integration:
    let_through = gamma * x
    y = out - let_through
    maps = [features.abs().mean(-1) for features in (x, y, y + x, out)]
    size = y.norm().clamp(min=torch.finfo(y.dtype).tiny)
    return Integration(
        torch.stack(maps).float().cpu(),
        F.cosine_similarity(x.flatten(), y.flatten(), 0).item(),
        (x.norm() / size).item(),
        (let_through.norm() / size).item(),
    )


def show_integrations(
    found: Mapping[str, Integration], pattern: str | None = None, blocks: int = 3
) -> tuple[list[Panel], str, dict[str, Any], int]:
    """Return the panels, the caption, the numbers and the columns of a figure of integrations.

    Args:
        found: By the blocks' names.
        pattern: Which blocks to show, by name, such as `backbone.groups.0.*`.
        blocks: Maximum number of blocks shown: of more, the first, the last and some in between.

    Raises:
        ValueError: If no block's name matches the pattern.
    """
    chosen = some_of(list(found), pattern, blocks)
    panels: list[Panel] = []
    for name in chosen:
        panels += _row(name, found[name].maps)
    changes = {
        "a plain skip connection": [each.skip for each in found.values()],
        "HAI": [each.hai for each in found.values()],
    }
    panels.append(
        Lines("Relative change of the block's output", changes, "block", "norm added / norm")
    )
    caption = (
        f"Features of {len(chosen)} of {len(found)} blocks ({', '.join(chosen)}), mean magnitude "
        "over the channels: the block's input, its output, and both added by a plain skip "
        "connection and by HAI. Each row shares one colour scale."
    )
    numbers = {
        "blocks": [
            {"name": name, "likeness": each.likeness, "skip": each.skip, "hai": each.hai}
            for name, each in found.items()
        ]
    }
    return panels, caption, numbers, 4


def _row(name: str, maps: Float[Tensor, "4 h w"]) -> list[Panel]:
    titles = (f"{name}: input", "output before connection", "plain skip", "HAI")
    limits = (0.0, maps.max().item() or 1.0)
    return [HeatMap(title, own, limits) for title, own in zip(titles, maps, strict=True)]
