"""EDSR's backbone: residual blocks without normalisation, any of which may be modulated.

    (b, colours, h, w) ──conv──▶ f (b, c, h, w) ──residual blocks──▶ ──conv──▶ + f

CRAN's ablations use it with `Modulation("crac")` at chosen places.

Sources: Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW
    2017. https://arxiv.org/abs/1707.02921; Zhang et al. (CRAN), ICCV 2021, Tables 1-3.
Weights: loads those of the authors and of BasicSR (`bigpicture.weights.public`).
"""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import PositiveInt

from bigpicture.layers.blocks import block_reach, modulation_by_place, residual_block
from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.models.backbones.trunk import Trunk
from bigpicture.models.contract import Count

__all__ = ["EDSR", "EDSRSettings"]


@dataclass(frozen=True)
class EDSRSettings:
    """Settings of EDSR's backbone.

    Attributes:
        channels: Feature channels c.
        blocks: Number of residual blocks.
        residual_scale: Factor of a block's result, before its input is added.
        modulation: How the blocks are modulated: `none` (RB), `channel` (RCAB), `crac` (CRAB),
            `ikm` or `spatial`.
        places: The blocks that are modulated, counted from 1; the others are plain. None for all.
    """

    kind: Literal["edsr"] = "edsr"
    channels: PositiveInt = 64
    blocks: Count = 16
    residual_scale: float = 1.0
    modulation: Modulation = field(default_factory=lambda: Modulation("none", reduction=16))
    places: tuple[int, ...] | None = None

    def build(self, colours: int) -> "EDSR":
        """Return the untrained backbone."""
        return EDSR(colours, self)


class EDSR(Trunk):
    """Maps normalised pictures to features of the same size. See `EDSRSettings`."""

    def __init__(self, colours: int, settings: EDSRSettings) -> None:
        s = settings
        steering = modulation_by_place(s.modulation, s.places, s.blocks)
        blocks = [
            residual_block(s.channels, own, Activation(), bias=True, scale=s.residual_scale)
            for own in steering
        ]
        super().__init__(colours, s.channels, blocks, sum(map(block_reach, steering)))
