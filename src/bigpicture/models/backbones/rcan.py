"""RCAN's backbone, residual in residual: groups of blocks, a skip around each block, group and all.

    (b, colours, h, w) ──conv──▶ f (b, c, h, w) ──groups──▶ ──conv──▶ + f
    group   x ──blocks──▶ ──conv──▶ + x

Which block stands at which place of a group is a setting: RCAN's blocks all have channel attention,
CRAN's last one is steered by CRAC and the others by nothing.

Sources: Zhang et al., "Image Super-Resolution Using Very Deep Residual Channel Attention Networks",
    ECCV 2018, eqs. (4)-(13). https://arxiv.org/abs/1807.02758; Zhang et al. (CRAN), ICCV 2021.
Weights: the authors' and BasicSR's of RCAN load (`bigpicture.weights.public`).
"""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import PositiveInt
from torch import nn

from bigpicture.layers.blocks import Residual, modulation_by_place, residual_block
from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.models.backbones.trunk import Trunk

__all__ = ["RCAN", "RCANSettings"]


@dataclass(frozen=True)
class RCANSettings:
    """Everything that makes RCAN's backbone.

    Attributes:
        channels: Feature channels c.
        groups: How many residual groups.
        blocks: How many blocks in each.
        modulation: What steers the blocks' convolutions.
        places: Blocks of each group, counted from 1, that are steered; the others are plain.
            Without, all.
    """

    kind: Literal["rcan"] = "rcan"
    channels: PositiveInt = 64
    groups: PositiveInt = 10
    blocks: PositiveInt = 20
    modulation: Modulation = field(default_factory=lambda: Modulation("channel", reduction=16))
    places: tuple[int, ...] | None = None

    def build(self, colours: int) -> "RCAN":
        """Return the untrained backbone."""
        return RCAN(colours, self)


class RCAN(Trunk):
    """Features of normalised pictures, at their size. See `RCANSettings`."""

    def __init__(self, colours: int, settings: RCANSettings) -> None:
        s = settings
        steering = modulation_by_place(s.modulation, s.places, s.blocks)
        groups = [_group(s.channels, steering) for _ in range(s.groups)]
        reach = s.groups * (sum(2 * own.reach for own in steering) + 1)
        super().__init__(colours, s.channels, groups, reach)


def _group(channels: int, steering: list[Modulation]) -> Residual:
    blocks = [residual_block(channels, own, Activation(), bias=True) for own in steering]
    return Residual(nn.Sequential(*blocks, nn.Conv2d(channels, channels, 3, padding=1)))
