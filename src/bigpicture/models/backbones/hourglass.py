"""The backbone of U-HDN: first convolution, blocks, last convolution, plus the first features.

    (b, colours, h, w) ──conv──▶ f (b, c, h, w) ──blocks──▶ ──conv──▶ + f

The blocks are U-hourglass dense blocks, or one of the other blocks of the paper's Table III.

Source: Huang et al., "Image-specific Convolutional Kernel Modulation for Single Image
    Super-resolution", Fig. 4 and eqs. (17)-(19). https://arxiv.org/abs/2111.08362
Changed: dense units do not concatenate (`bigpicture.layers.dense`); the modulated convolution does
    not need groups (`bigpicture.compute.kernels`). The results are the same, except with CRAC,
    which the paper does not use and which here reasons over each feature alone.
"""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import PositiveInt
from torch import nn

from bigpicture.layers.blocks import Residual, block_reach, residual_block
from bigpicture.layers.dense import DenseUnit
from bigpicture.layers.fusion import FusedBlocks
from bigpicture.layers.hourglass import UHourglassBlock
from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.models.backbones.trunk import Trunk
from bigpicture.models.contract import Count

__all__ = ["Hourglass", "HourglassSettings"]


@dataclass(frozen=True)
class HourglassSettings:
    """Settings of U-HDN's backbone.

    Attributes:
        channels: Feature channels c.
        growth: Channels g that each dense layer adds; `residual` has none.
        blocks: Number of blocks B.
        depths: Number of dense layers in each unit of a block. For `residual`, only the number of
            entries counts.
        block: `hourglass`, `dense` (units in sequence), `residual-dense` (each unit plus its input,
            and all of them fused, as in RDN) or `residual` (one EDSR block per entry of `depths`).
        skips: Whether blocks have the U's inner skips (Table V). Only `hourglass` can do without.
        modulation: How the blocks are modulated.
        activation: Activation of the blocks.
        thresholds: IKM's threshold of each dense layer, by block, unit and layer; None if all share
            the threshold of `modulation`, and for `residual`.
        bias: Whether the first and last convolution and the transitions have biases.
    """

    kind: Literal["hourglass"] = "hourglass"
    channels: PositiveInt = 64
    growth: PositiveInt = 12
    blocks: Count = 4
    depths: tuple[Count, ...] = (6, 5, 4, 4, 5, 6)
    block: Literal["hourglass", "dense", "residual-dense", "residual"] = "hourglass"
    skips: bool = True
    modulation: Modulation = field(default_factory=Modulation)
    activation: Activation = field(default_factory=Activation)
    thresholds: tuple[tuple[tuple[float, ...], ...], ...] | None = None
    bias: bool = False

    def build(self, colours: int) -> "Hourglass":
        """Return the untrained backbone."""
        return Hourglass(colours, self)


class Hourglass(Trunk):
    """Maps normalised pictures to features of the same size. See `HourglassSettings`.

    Raises:
        ValueError: If thresholds are given, but not exactly one for each dense layer with IKM, or
            blocks without a U are to do without its skips.
    """

    def __init__(self, colours: int, settings: HourglassSettings) -> None:
        s = settings
        _check(s)
        residual = len(s.depths) * block_reach(s.modulation)
        dense = sum(s.depths) * s.modulation.reach
        reach = s.blocks * (residual if s.block == "residual" else dense)
        blocks = [_block(s, index) for index in range(s.blocks)]
        super().__init__(colours, s.channels, blocks, reach, s.bias)


def _check(s: HourglassSettings) -> None:
    if not s.skips and s.block != "hourglass":
        raise ValueError(f"skips=False needs block='hourglass', as {s.block!r} has no inner skips")
    if s.thresholds is None:
        return
    if s.modulation.attention != "ikm" or s.block == "residual":
        raise ValueError(
            "thresholds need dense layers with IKM, not "
            f"attention={s.modulation.attention!r} in block={s.block!r}"
        )
    given = [[len(unit) for unit in block] for block in s.thresholds]
    if len(given) != s.blocks or any(own != list(s.depths) for own in given):
        raise ValueError(
            f"thresholds must be given for {s.blocks} blocks of units of depths={s.depths}, "
            f"not for {given}"
        )


def _block(s: HourglassSettings, index: int) -> nn.Module:
    if s.block == "residual":
        channels = s.channels
        return nn.Sequential(
            *(residual_block(channels, s.modulation, s.activation) for _ in s.depths)
        )
    thresholds = s.thresholds[index] if s.thresholds else [None] * len(s.depths)
    units = [
        DenseUnit(s.channels, s.growth, depth, s.modulation, s.activation, s.bias, own)
        for depth, own in zip(s.depths, thresholds, strict=True)
    ]
    if s.block == "hourglass":
        return UHourglassBlock(units, s.skips)
    if s.block == "residual-dense":
        return FusedBlocks([Residual(unit) for unit in units], s.channels, s.bias)
    return nn.Sequential(*units)
