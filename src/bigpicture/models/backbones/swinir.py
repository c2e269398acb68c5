"""SwinIR's backbone: groups of Swin Transformer blocks, each with a convolution and a skip.

    (b, colours, h, w) ──conv──▶ f ──norm──▶ groups ──norm──▶ ──conv──▶ + f (b, c, h, w)
    group: (b, c, h, w) ──blocks──▶ ──conv──▶ + its input

Every second block shifts its windows by a half. Sides are multiples of the window's.

Source: Liang et al., "SwinIR: Image Restoration Using Swin Transformer", ICCV Workshops 2021.
    https://arxiv.org/abs/2108.10257
Changed: masks are made once for a picture and shared by its blocks; features stay in one
    channels-last memory throughout, so nothing is rearranged between blocks and convolutions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from bigpicture.layers.connection import REACH, Connection, connection
from bigpicture.layers.shifted_windows import SwinBlock, SwinBlockSettings
from bigpicture.layers.windows import Cut, in_order, reach_through, shift_mask
from bigpicture.models.contract import Backbone
from bigpicture.shapes import Bool, Float, Tensor

__all__ = ["SwinIR", "SwinIRSettings"]


@dataclass(frozen=True)
class SwinIRSettings:
    """Everything that makes SwinIR's backbone.

    Attributes:
        channels: Feature channels c.
        depths: Blocks of each group.
        heads: Heads of each group's blocks.
        window: Side of the windows; their shift is half of it.
        mlp_ratio: How many times wider the hidden layer of the blocks' MLPs is.
        connection: What ends a group and the backbone: a 3×3 convolution, or, cheaper at many
            channels, three with a quarter of the channels between them.
        drop_path: Share of the pictures that skip the last block in training; earlier blocks are
            skipped less, in proportion to their depth.
    """

    kind: Literal["swinir"] = "swinir"
    channels: int = 180
    depths: tuple[int, ...] = (6, 6, 6, 6, 6, 6)
    heads: tuple[int, ...] = (6, 6, 6, 6, 6, 6)
    window: int = 8
    mlp_ratio: float = 2.0
    connection: Connection = "1conv"
    drop_path: float = 0.1

    def build(self, colours: int) -> "SwinIR":
        """Return the untrained backbone."""
        return SwinIR(colours, self)


class SwinIR(Backbone):
    """Features of normalised pictures, at their size. See `SwinIRSettings`.

    Raises:
        ValueError: If there are not as many `heads` as `depths`, or they do not divide the
            channels.
    """

    def __init__(self, colours: int, settings: SwinIRSettings) -> None:
        super().__init__()
        s = self.settings = settings
        if len(s.depths) != len(s.heads):
            raise ValueError(f"heads={s.heads} must have an entry for each of depths={s.depths}")
        self.channels = s.channels
        self.multiple = self.align = s.window
        self.reach = reach_through(list(_steps(s)))
        self.first = nn.Conv2d(colours, s.channels, 3, padding=1)
        self.before = nn.LayerNorm(s.channels)
        self.groups = nn.ModuleList(_Group(s, index) for index in range(len(s.depths)))
        self.after = nn.LayerNorm(s.channels)
        self.last = connection(s.channels, s.connection)

    def forward(self, x: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c h w"]:
        """Return the features of the normalised pictures `x`."""
        mask = self._mask(x)
        first = in_order(self.first(x).permute(0, 2, 3, 1))
        features = self.before(first)
        for group in self.groups:
            features = group(features, mask)
        features = self.last(self.after(features).permute(0, 3, 1, 2)).permute(0, 2, 3, 1) + first
        return features.permute(0, 3, 1, 2)

    def _mask(self, x: Tensor) -> Bool[Tensor, "m l l"]:
        window, shift = self.settings.window, self.settings.window // 2
        size = (x.shape[2], x.shape[3])
        return shift_mask(size, (window, window), (shift, shift), x.device)


class _Group(nn.Module):
    """Blocks and a convolution, plus their input (b, h, w, c)."""

    def __init__(self, s: SwinIRSettings, index: int) -> None:
        super().__init__()
        before = sum(s.depths[:index])
        rates = torch.linspace(0, s.drop_path, sum(s.depths), device="cpu").tolist()
        self.blocks = nn.ModuleList(
            SwinBlock(
                SwinBlockSettings(
                    s.channels,
                    s.heads[index],
                    window=(s.window, s.window),
                    shift=(_shift(s, block), _shift(s, block)),
                    hidden=round(s.channels * s.mlp_ratio),
                    drop_path=rates[before + block],
                )
            )
            for block in range(s.depths[index])
        )
        self.last = connection(s.channels, s.connection)

    def forward(
        self, x: Float[Tensor, "b h w c"], mask: Bool[Tensor, "m l l"]
    ) -> Float[Tensor, "b h w c"]:
        """Return the features of `x`; `mask` is that of the shifted windows."""
        y = x
        for block in self.blocks:
            y = block(y, mask)
        return self.last(y.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) + x


def _shift(s: SwinIRSettings, block: int) -> int:
    """Return by how much a group's block shifts its windows."""
    return s.window // 2 if block % 2 else 0


def _steps(s: SwinIRSettings) -> Iterator[Cut | int]:
    """Yield what each layer sees along an axis."""
    yield 1
    for depth in s.depths:
        yield from (Cut(s.window, _shift(s, block)) for block in range(depth))
        yield REACH[s.connection]
    yield REACH[s.connection]
