"""GRUM and GRRB: upsampling and reconstruction with reasoning over the whole picture.

    GRUM   (b, c, h, w) ──conv──▶ (b, r²·c, h, w) = S;  graph reasoning (b, r²·c, h, w) = G
           γ·G + (1 − γ)·S ──shuffle──▶ (b, c, r·h, r·w) ──conv──▶         for each prime step r
    GRRB   (b, c, H, W) ──▶ x + γ·graph reasoning(x) ──conv──▶ (b, c, H, W)
           ──conv──▶ (b, colours, H, W)

Either can be left out: without GRUM, a step is the convolution and shuffle of a sub-pixel head;
without GRRB, only the last convolution remains. Without both, this is a sub-pixel head.

Source: "Global Reasoning Network for Image Super-Resolution", eqs. (4)-(15), submitted to ICLR
    2020 (anonymous). https://openreview.net/group?id=ICLR.cc/2020/Conference
Changed: γ is applied before the shuffle, which only moves values. The convolutions that a sub-pixel
    head lacks (the last of each GRUM and the first after GRRB) start as the identity; the paper
    does not specify their start. So while γ is 0, the head *is* a sub-pixel head, except for the
    names of its tensors, which `bigpicture.weights.start` translates.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import nn

from bigpicture.context.graph import GraphReasoning
from bigpicture.models.contract import Count, Head
from bigpicture.models.heads.subpixel import expand, prime_steps
from bigpicture.shapes import Float, Tensor

__all__ = [
    "GlobalReasoningReconstruction",
    "GlobalReasoningUpsampling",
    "GraphHead",
    "GraphSettings",
]


@dataclass(frozen=True)
class GraphSettings:
    """Settings of a head with graph reasoning.

    Attributes:
        scale: Scale factor.
        nodes: Number of nodes N of each graph.
        reduction: α, by which GRUM's bottleneck is narrower than the features.
        grum: Whether the upsampling steps use GRUM.
        grrb: Whether the reconstruction uses GRRB.
        normalize: Whether nodes are means over the pixels; in the paper they are sums.
    """

    kind: Literal["graph"] = "graph"
    scale: Count = 2
    nodes: PositiveInt = 10
    reduction: PositiveInt = 8
    grum: bool = True
    grrb: bool = True
    normalize: bool = True

    def build(self, channels: int, colours: int) -> "GraphHead":
        """Return the untrained head for features with `channels` channels."""
        return GraphHead(channels, colours, self)


class GraphHead(Head):
    """Enlarges features by an integer factor and turns them into a picture.

    Args:
        channels: Feature channels c.
        colours: Channels of the picture.
        settings: See `GraphSettings`.

    Raises:
        ValueError: If `scale` or `nodes` is below 1, or `reduction` is not in 1…c.
    """

    def __init__(self, channels: int, colours: int, settings: GraphSettings) -> None:
        super().__init__(settings.scale)
        steps = prime_steps(settings.scale)
        self.reach = _reach(steps, settings)
        self.up = nn.Sequential(
            *(
                GlobalReasoningUpsampling(channels, step, settings)
                if settings.grum
                else nn.Sequential(*expand(channels, step))
                for step in steps
            )
        )
        self.refine = (
            GlobalReasoningReconstruction(channels, settings) if settings.grrb else nn.Identity()
        )
        self.to_picture = nn.Conv2d(channels, colours, 3, padding=1)

    def forward(
        self,
        features: Float[Tensor, "b c h w"],
        low: Float[Tensor, "b d h w"],
        size: tuple[int, int] | None = None,
    ) -> Float[Tensor, "b d H W"]:
        """Return the picture of the features, `scale` times larger."""
        return self.to_picture(self.refine(self.up(features)))


class GlobalReasoningUpsampling(nn.Module):
    """GRUM: a sub-pixel step combined with a graph of the whole picture.

    Args:
        channels: Feature channels, the same in and out.
        step: Scale factor of the step.
        settings: See `GraphSettings`.
    """

    def __init__(self, channels: int, step: int, settings: GraphSettings) -> None:
        super().__init__()
        self.expand, self.shuffle = expand(channels, step)
        self.graph = GraphReasoning(
            channels,
            channels * step**2,
            settings.nodes,
            settings.reduction,
            settings.normalize,
        )
        self.gamma = nn.Parameter(torch.zeros(()))
        self.conv = _identity_convolution(channels)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c H W"]:
        """Return the features on a grid `step` times finer."""
        local = self.expand(x)
        return self.conv(self.shuffle(local + self.gamma * (self.graph(x) - local)))


class GlobalReasoningReconstruction(nn.Module):
    """GRRB: features plus those of a graph of the whole picture, and a convolution.

    Args:
        channels: Feature channels, the same in and out.
        settings: See `GraphSettings`; the nodes are not widened here.
    """

    def __init__(self, channels: int, settings: GraphSettings) -> None:
        super().__init__()
        self.graph = GraphReasoning(channels, nodes=settings.nodes, normalize=settings.normalize)
        self.gamma = nn.Parameter(torch.zeros(()))
        self.conv = _identity_convolution(channels)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return the features for the last convolution."""
        return self.conv(x + self.gamma * self.graph(x))


def _identity_convolution(channels: int) -> nn.Conv2d:
    """Return a 3×3 convolution that starts as the identity."""
    conv = nn.Conv2d(channels, channels, 3, padding=1)
    nn.init.dirac_(conv.weight)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


def _reach(steps: tuple[int, ...], settings: GraphSettings) -> int:
    """Return how many low-resolution pixels away the 3×3 convolutions see."""
    reach = 1 + settings.grrb  # on the finest grid
    for step in reversed(steps):
        on_finer_grid = reach + settings.grum
        reach = -(-on_finer_grid // step) + 1
    return reach
