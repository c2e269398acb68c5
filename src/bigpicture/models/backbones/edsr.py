"""EDSR's backbone: residual blocks without normalisation, any of them steered by a context.

    (b, colours, h, w) ──conv──▶ f (b, c, h, w) ──residual blocks──▶ ──conv──▶ + f

With `Modulation("crac")` at a place it is what CRAN's ablations are made on.

Sources: Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW
    2017. https://arxiv.org/abs/1707.02921; Zhang et al. (CRAN), ICCV 2021, Tables 1-3.
Weights: the authors' and BasicSR's load (`bigpicture.weights.public`).
"""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import PositiveInt

from bigpicture.layers.blocks import modulation_by_place, residual_block
from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.models.backbones.trunk import Trunk

__all__ = ["EDSR", "EDSRSettings"]


@dataclass(frozen=True)
class EDSRSettings:
    """Everything that makes EDSR's backbone.

    Attributes:
        channels: Feature channels c.
        blocks: How many residual blocks.
        residual_scale: What a block's result is multiplied by before its input is added.
        modulation: What steers the blocks' convolutions: nothing (RB), `channel` (RCAB), `crac`
            (CRAB), `ikm` or `spatial`.
        places: Blocks, counted from 1, that are steered; the others are plain. Without, all.
    """

    kind: Literal["edsr"] = "edsr"
    channels: PositiveInt = 64
    blocks: PositiveInt = 16
    residual_scale: float = 1.0
    modulation: Modulation = field(default_factory=lambda: Modulation("none"))
    places: tuple[int, ...] | None = None

    def build(self, colours: int) -> "EDSR":
        """Return the untrained backbone."""
        return EDSR(colours, self)


class EDSR(Trunk):
    """Features of normalised pictures, at their size. See `EDSRSettings`."""

    def __init__(self, colours: int, settings: EDSRSettings) -> None:
        s = settings
        steering = modulation_by_place(s.modulation, s.places, s.blocks)
        blocks = [
            residual_block(s.channels, own, Activation(), bias=True, scale=s.residual_scale)
            for own in steering
        ]
        super().__init__(colours, s.channels, blocks, reach=sum(2 * own.reach for own in steering))
