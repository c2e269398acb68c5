"""SwinIR's backbone: groups of Swin Transformer blocks (`transformer_trunk`).

Every second block shifts its windows by half their side. The sides of its input must be multiples
of the window's side.

Source: Liang et al., "SwinIR: Image Restoration Using Swin Transformer", ICCV Workshops 2021.
    https://arxiv.org/abs/2108.10257
Changed: the mask is made once per input and shared by all blocks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from bigpicture.layers.connection import REACH, Connection
from bigpicture.layers.drop_path import DropRate, drop_rates
from bigpicture.layers.shifted_windows import SwinBlock, SwinBlockSettings
from bigpicture.layers.windows import Cut, reach_through, shift_mask
from bigpicture.models.backbones.transformer_trunk import Group, TransformerTrunk
from bigpicture.models.contract import Count
from bigpicture.shapes import Float, Tensor

__all__ = ["SwinIR", "SwinIRSettings"]


@dataclass(frozen=True)
class SwinIRSettings:
    """Settings of SwinIR's backbone.

    Attributes:
        channels: Feature channels c.
        depths: Number of blocks in each group.
        heads: Number of heads in each group's blocks.
        window: Side of the windows; their shift is half of it.
        mlp_ratio: Width of the MLPs' hidden layer, as a multiple of c.
        connection: Layers at the end of each group and of the backbone: `1conv` is a 3×3
            convolution, `3conv` three convolutions with c/4 channels between them, which is cheaper
            for many channels.
        drop_path: Rate at which the last block's branches are dropped in training; the rates of
            earlier blocks rise to it linearly from 0.
    """

    kind: Literal["swinir"] = "swinir"
    channels: PositiveInt = 180
    depths: tuple[Count, ...] = (6, 6, 6, 6, 6, 6)
    heads: tuple[PositiveInt, ...] = (6, 6, 6, 6, 6, 6)
    window: Count = 8
    mlp_ratio: PositiveFloat = 2.0
    connection: Connection = "1conv"
    drop_path: DropRate = 0.1

    def build(self, colours: int) -> "SwinIR":
        """Return the untrained backbone."""
        return SwinIR(colours, self)


class SwinIR(TransformerTrunk):
    """Maps normalised pictures to features of the same size. See `SwinIRSettings`.

    Raises:
        ValueError: If `heads` and `depths` differ in length, or the heads do not divide the
            channels.
    """

    def __init__(self, colours: int, settings: SwinIRSettings) -> None:
        s = settings
        if len(s.depths) != len(s.heads):
            raise ValueError(f"heads={s.heads} must have an entry for each of depths={s.depths}")
        rates = drop_rates(s.depths, s.drop_path)
        groups = (
            Group(s.channels, _blocks(s, heads, own), s.connection)
            for heads, own in zip(s.heads, rates, strict=True)
        )
        super().__init__(colours, s.channels, groups, s.connection)
        self.settings = settings
        self.multiple = self.align = s.window
        self.reach = reach_through(list(_steps(s)))

    def shared(self, x: Float[Tensor, "b h w c"]) -> tuple[Tensor, ...]:
        """Return the mask of the shifted windows."""
        window, shift = self.settings.window, self.settings.window // 2
        size = (x.shape[1], x.shape[2])
        return (shift_mask(size, (window, window), (shift, shift), x.device),)


def _blocks(s: SwinIRSettings, heads: int, rates: Sequence[float]) -> Iterator[SwinBlock]:
    """Yield the blocks of a group."""
    for block, rate in enumerate(rates):
        shift = _shift(s, block)
        yield SwinBlock(
            SwinBlockSettings(
                s.channels,
                heads,
                window=(s.window, s.window),
                shift=(shift, shift),
                hidden=round(s.channels * s.mlp_ratio),
                drop_path=rate,
            )
        )


def _shift(s: SwinIRSettings, block: int) -> int:
    """Return by how many pixels the block at index `block` of a group shifts its windows."""
    return s.window // 2 if block % 2 else 0


def _steps(s: SwinIRSettings) -> Iterator[Cut | int]:
    """Yield how far each layer sees along an axis."""
    yield 1
    for depth in s.depths:
        yield from (Cut(s.window, _shift(s, block)) for block in range(depth))
        yield REACH[s.connection]
    yield REACH[s.connection]
