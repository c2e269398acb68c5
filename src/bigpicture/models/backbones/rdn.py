"""RDN's backbone, the residual dense network: dense blocks, all of whose outputs are fused.

    (b, colours, h, w) ──conv──▶ f (b, c, h, w) ──conv──▶ x₀ ─▶ block ─▶ x₁ ─▶ … ─▶ block ─▶ x_D
    [x₁, …, x_D] (b, D·c, h, w) ──conv 1×1──▶ ──conv──▶ + f (b, c, h, w)

A block is a dense unit plus its input; each of the unit's C layers adds g channels.

Source: Zhang et al., "Residual Dense Network for Image Super-Resolution", CVPR 2018, eqs. (1)-(12).
    https://arxiv.org/abs/1802.08797
Changed: dense units do not concatenate (`bigpicture.layers.dense`); results are the same. The dense
    layers may be modulated as in U-HDN; with CRAC, they reason over each feature alone.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import nn

from bigpicture.layers.blocks import Residual
from bigpicture.layers.dense import DenseUnit
from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.models.contract import Backbone, Count
from bigpicture.shapes import Float, Tensor

__all__ = ["RDN", "RDNSettings"]


@dataclass(frozen=True)
class RDNSettings:
    """Settings of RDN's backbone.

    Attributes:
        channels: Feature channels c (G₀ in the paper).
        growth: Channels g that each dense layer adds (G in the paper).
        blocks: Number of residual dense blocks D.
        depth: Number of dense layers C in each block.
        modulation: How the dense layers are modulated; not at all in the paper.
        activation: Activation of the dense layers.
    """

    kind: Literal["rdn"] = "rdn"
    channels: PositiveInt = 64
    growth: PositiveInt = 64
    blocks: Count = 16
    depth: Count = 8
    modulation: Modulation = field(default_factory=lambda: Modulation("none"))
    activation: Activation = field(default_factory=Activation)

    def build(self, colours: int) -> "RDN":
        """Return the untrained backbone."""
        return RDN(colours, self)


class RDN(Backbone):
    """Maps normalised pictures to features of the same size. See `RDNSettings`."""

    def __init__(self, colours: int, settings: RDNSettings) -> None:
        super().__init__()
        s = settings
        self.channels = s.channels
        self.reach = 3 + s.blocks * s.depth * s.modulation.reach
        self.first = nn.Conv2d(colours, s.channels, 3, padding=1)
        self.second = nn.Conv2d(s.channels, s.channels, 3, padding=1)
        self.blocks = nn.ModuleList(_block(s) for _ in range(s.blocks))
        self.fuse = nn.Sequential(
            nn.Conv2d(s.blocks * s.channels, s.channels, 1),
            nn.Conv2d(s.channels, s.channels, 3, padding=1),
        )

    def forward(self, x: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c h w"]:
        """Return the features of the normalised pictures `x`."""
        first = self.first(x)
        features = self.second(first)
        made = []
        for block in self.blocks:
            features = block(features)
            made.append(features)
        return self.fuse(torch.cat(made, 1)) + first


def _block(s: RDNSettings) -> Residual:
    unit = DenseUnit(
        s.channels, s.growth, s.depth, s.modulation, s.activation, bias=True, layer_bias=True
    )
    return Residual(unit)
