"""How modulated kernels of a network differ from picture to picture.

    n pictures ──gather──▶ contexts ──▶ masks F and kernels W* = W ⊙ F (n, d, c, k, k) of each layer
    distance    mean over the kernels (d, c) of ‖F − 1‖₂, one per picture   (CRAN's Fig. 8)
    between     ‖W*ᵢ − W*ⱼ‖₂ / ‖mean of W*‖₂, one per pair of pictures
    plane       where the kernels lie along their two principal axes, in the same unit

The mask is CRAC's F_A or IKM's A. A distance of 0 means that the picture does not modulate the
kernel. Different kernels can have equal distances, so `between` compares the kernels themselves.

Of each picture, only its contexts are kept, which are small; the kernels are then computed layer by
layer.

Sources: Zhang et al., "Context Reasoning Attention Network for Image Super-Resolution", ICCV 2021,
    Sec. 4.6 and Fig. 8; Huang et al., "Image-specific Convolutional Kernel Modulation for Single
    Image Super-resolution", https://arxiv.org/abs/2111.08362.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from bigpicture.analysis.operators import find, some_of, watch
from bigpicture.analysis.panels import HeatMap, Lines, Panel, Points
from bigpicture.context.crac import CRACConv2d
from bigpicture.context.grid import GridMean
from bigpicture.context.ikm import IKMConv2d
from bigpicture.models.network import Network
from bigpicture.shapes import Float, Tensor

__all__ = ["ModulatedKernels", "modulated_kernels", "show_kernels"]

_MODULATING = (CRACConv2d, IKMConv2d)
_MOST_CURVES = 8


@dataclass(frozen=True)
class ModulatedKernels:
    """The kernels of a layer for n pictures, see the module.

    Attributes:
        distance: Mean distance of the masks from ones, for each picture.
        between: Relative distance of the kernels, for each pair of pictures.
        plane: Position along the two principal axes, for each picture.
        explained: Shares of the variance along the two axes.
        masks: For each picture and input channel, the mask averaged over the output channels.
    """

    distance: Float[Tensor, " n"]
    between: Float[Tensor, "n n"]
    plane: Float[Tensor, "n 2"]
    explained: tuple[float, float]
    masks: Float[Tensor, "n c k k"]

    @property
    def diversity(self) -> float:
        """Mean of `between` over all pairs of different pictures."""
        n = len(self.between)
        return self.between.sum().item() / (n * (n - 1))


def modulated_kernels(
    network: Network, pictures: Iterable[Float[Tensor, "1 _ _ _"]]
) -> dict[str, ModulatedKernels]:
    """Return a comparison of each modulated layer's kernels, by the layer's name.

    Args:
        network: In evaluation mode.
        pictures: At least two low-resolution pictures in [0, 1], of any sizes.

    Raises:
        ValueError: If the network modulates no kernels, or there are fewer than two pictures.
    """
    layers = find(network, _MODULATING, "kernels that depend on the picture")
    contexts: dict[str, list[GridMean]] = {}

    def keep(name: str, layer: CRACConv2d | IKMConv2d, _: Tensor, context: GridMean) -> None:
        contexts.setdefault(name, []).append(context)
        layers[name] = layer

    for low in pictures:
        watch(network, low, _MODULATING, keep)
    count = max(map(len, contexts.values()), default=0)
    if count < 2:
        raise ValueError(f"kernels are compared between pictures: give at least 2, not {count}")
    with torch.inference_mode():
        return {name: _compared(layers[name], own) for name, own in contexts.items()}


def _compared(layer: CRACConv2d | IKMConv2d, contexts: Sequence[GridMean]) -> ModulatedKernels:
    masks = torch.cat([layer.attention(context).cpu() for context in contexts]).double()
    kernels = torch.cat([layer.kernels(context).cpu() for context in contexts]).double().flatten(1)
    length = kernels.mean(0).norm().clamp(min=torch.finfo(kernels.dtype).tiny)
    away = kernels - kernels.mean(0)
    between = torch.cdist(away, away, compute_mode="donot_use_mm_for_euclid_dist") / length
    plane, explained = _principal(away / length)
    return ModulatedKernels(
        (masks - 1).flatten(3).norm(dim=-1).mean((1, 2)), between, plane, explained, masks.mean(1)
    )


def _principal(away: Float[Tensor, "n p"]) -> tuple[Float[Tensor, "n 2"], tuple[float, float]]:
    """Return the positions along the two principal axes and the axes' shares of the variance."""
    u, s, _ = torch.linalg.svd(away, full_matrices=False)
    places = F.pad(u * s, (0, max(0, 2 - len(s))))[:, :2]
    # the sign of an axis is arbitrary: let it point to the picture farthest from the mean
    farthest = places.gather(0, places.abs().argmax(0, keepdim=True))
    shares = s.square() / s.square().sum().clamp(min=torch.finfo(s.dtype).tiny)
    first, second, *_ = [*shares.tolist(), 0.0]
    return places * farthest.sign(), (first, second)


def show_kernels(
    found: Mapping[str, ModulatedKernels],
    pictures: Sequence[str],
    pattern: str | None = None,
    most: int = 3,
) -> tuple[list[Panel], str, dict[str, Any]]:
    """Return the panels, the caption and the numbers of a figure of modulated kernels.

    Args:
        found: By the layers' names.
        pictures: Names of the pictures.
        pattern: Which layers to show individually, by name, such as `*.blocks.0.*`.
        most: Maximum number of these layers.

    Raises:
        ValueError: If no layer's name matches the pattern.
    """
    names = list(found)
    chosen = [(names.index(name), found[name]) for name in some_of(names, pattern, most)]
    between = torch.stack([layer.between for layer in found.values()]).mean(0)
    panels: list[Panel] = [
        Lines("Distance of masks from ones", _by_picture(found, pictures), "layer", "distance"),
        Lines(
            "Diversity of kernels",
            {"diversity": [layer.diversity for layer in found.values()]},
            "layer",
            "mean distance between pictures",
        ),
        HeatMap("Distance between pictures' kernels", between, None, "mean over the layers"),
    ]
    for number, own in chosen:
        first, second = (f"{share:.0%} of the variance" for share in own.explained)
        panels.append(Points(f"Kernels of layer {number}", own.plane, first, second))
    panels += [
        _Mosaic(f"Masks of layer {number}, {pictures[0]}", own.masks[0]) for number, own in chosen
    ]
    caption = (
        f"Kernels of {len(names)} layers (0: {names[0]}, {len(names) - 1}: {names[-1]}) for "
        f"{len(pictures)} pictures (0: {pictures[0]}, {len(pictures) - 1}: {pictures[-1]}), as the "
        "context of each modulates them; where each picture's kernels lie on their two principal "
        "axes; and the mask of each input channel (mean over output channels) for the first."
    )
    layers = [
        {
            "name": name,
            "distance": own.distance.tolist(),
            "diversity": own.diversity,
            "plane": own.plane.tolist(),
            "explained": list(own.explained),
            "mean_mask": own.masks.mean(1).tolist(),
        }
        for name, own in found.items()
    ]
    numbers = {"pictures": list(pictures), "between": between.tolist(), "layers": layers}
    return panels, caption, numbers


def _by_picture(
    found: Mapping[str, ModulatedKernels], pictures: Sequence[str]
) -> dict[str, list[float]]:
    """Return a curve over the layers for each picture; for many pictures, the range and mean."""
    distances = torch.stack([layer.distance for layer in found.values()])
    if len(pictures) <= _MOST_CURVES:
        return dict(zip(pictures, distances.mT.tolist(), strict=True))
    least, most = distances.aminmax(dim=1)
    return {"most": most.tolist(), "mean": distances.mean(1).tolist(), "least": least.tolist()}


@dataclass(frozen=True)
class _Mosaic:
    """Masks in a grid that is about square."""

    title: str
    masks: Float[Tensor, "c k k"]
    aspect: float = 1.0

    def draw(self, axes: Any) -> None:  # noqa: ANN401
        channels, k, _ = self.masks.shape
        across = math.isqrt(channels - 1) + 1
        down = -(-channels // across)
        tiles = self.masks.new_full((down * across, k + 1, k + 1), torch.nan)  # with gaps
        tiles[:channels, :k, :k] = self.masks
        tiled = tiles.unflatten(0, (down, across)).transpose(1, 2).flatten(2).flatten(0, 1)
        drawn = axes.imshow(tiled[:-1, :-1].numpy(), interpolation="nearest", cmap="viridis")
        axes.figure.colorbar(drawn, cax=axes.inset_axes((1.03, 0, 0.04, 1)))
        axes.set_axis_off()
