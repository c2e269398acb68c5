"""RCAN's backbone, residual in residual: skips around each block, each group, and all groups.

    (b, colours, h, w) ──conv──▶ f (b, c, h, w) ──groups──▶ ──conv──▶ + f
    group   x ──blocks──▶ ──conv──▶ + x

The settings choose which blocks of a group are modulated: in RCAN, all have channel attention; in
CRAN, only the last one uses CRAC and the others are plain.

Sources: Zhang et al., "Image Super-Resolution Using Very Deep Residual Channel Attention Networks",
    ECCV 2018, eqs. (4)-(13). https://arxiv.org/abs/1807.02758; Zhang et al. (CRAN), ICCV 2021.
Weights: loads RCAN's weights of the authors and of BasicSR (`bigpicture.weights.public`).
"""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import PositiveInt
from torch import nn

from bigpicture.layers.blocks import Residual, block_reach, modulation_by_place, residual_block
from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.models.backbones.trunk import Trunk
from bigpicture.models.contract import Count

__all__ = ["RCAN", "RCANSettings"]


@dataclass(frozen=True)
class RCANSettings:
    """Settings of RCAN's backbone.

    Attributes:
        channels: Feature channels c.
        groups: Number of residual groups.
        blocks: Number of blocks in each group.
        modulation: How the blocks are modulated.
        places: The blocks of each group that are modulated, counted from 1; the others are plain.
            None for all.
    """

    kind: Literal["rcan"] = "rcan"
    channels: PositiveInt = 64
    groups: Count = 10
    blocks: Count = 20
    modulation: Modulation = field(default_factory=lambda: Modulation("channel", reduction=16))
    places: tuple[int, ...] | None = None

    def build(self, colours: int) -> "RCAN":
        """Return the untrained backbone."""
        return RCAN(colours, self)


class RCAN(Trunk):
    """Maps normalised pictures to features of the same size. See `RCANSettings`."""

    def __init__(self, colours: int, settings: RCANSettings) -> None:
        s = settings
        steering = modulation_by_place(s.modulation, s.places, s.blocks)
        groups = [_group(s.channels, steering) for _ in range(s.groups)]
        reach = s.groups * (sum(map(block_reach, steering)) + 1)
        super().__init__(colours, s.channels, groups, reach)


def _group(channels: int, steering: list[Modulation]) -> Residual:
    blocks = [residual_block(channels, own, Activation(), bias=True) for own in steering]
    return Residual(nn.Sequential(*blocks, nn.Conv2d(channels, channels, 3, padding=1)))
