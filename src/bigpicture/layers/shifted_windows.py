"""Swin Transformer's block: attention within windows, which every second block shifts by half.

    (b, h, w, c) ──norm──▶ ──attention──▶ + ──norm──▶ ──MLP──▶ + ──▶ (b, h, w, c)

Attention adds a learned bias, one for each offset between two pixels of a window, to the products
of queries and keys. Channels come last, as in the memory of channels-last convolutions.

Source: Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
    ICCV 2021, eqs. (3) and (4). https://arxiv.org/abs/2103.14030
Changed: index and mask are not buffers, so a block takes pictures of any size.
"""

from dataclasses import dataclass

import torch
from torch import nn

from bigpicture.compute.strips import rows_at_once
from bigpicture.layers.bands import Band, cut, put_back
from bigpicture.layers.drop_path import DropPath
from bigpicture.layers.windows import attend, biases_of_pairs
from bigpicture.shapes import Bool, Float, Tensor

__all__ = ["SwinBlock", "SwinBlockSettings", "WindowAttention"]


class WindowAttention(nn.Module):
    """Multi-head attention within windows, with a learned bias for each relative position.

    Args:
        channels: Channels in and out.
        heads: Number of heads, among which the channels are split.
        window: Height and width of a window; those of the features must be multiples of them.

    Raises:
        ValueError: If the heads do not divide the channels.
    """

    def __init__(self, channels: int, heads: int, window: tuple[int, int]) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"channels must be a multiple of the {heads} heads, not {channels}")
        height, width = self.window = window
        self.bias_table = nn.Parameter(torch.empty((2 * height - 1) * (2 * width - 1), heads))
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        nn.init.trunc_normal_(self.bias_table, std=0.02)

    def forward(
        self, x: Float[Tensor, "b h w c"], mask: Bool[Tensor, "m l l"] | None = None
    ) -> Float[Tensor, "b h w c"]:
        """Return the attention within windows; `mask` marks the pairs that see each other."""
        rows, columns = (
            Band(0, length, side) for length, side in zip(x.shape[1:3], self.window, strict=True)
        )
        q, k, v = cut(self.qkv(x), rows, columns).chunk(3, -1)
        return self.out(put_back(attend(q, k, v, self.bias(), mask), x.shape[0], rows, columns))

    def bias(self) -> Float[Tensor, "heads l l"]:
        """Return the bias of each pair of pixels of a window."""
        height, width = self.window
        table = self.bias_table.mT.unflatten(1, (2 * height - 1, 2 * width - 1))
        return biases_of_pairs(table, height, width)


@dataclass(frozen=True)
class SwinBlockSettings:
    """Settings of a block.

    Attributes:
        channels: Channels in and out.
        heads: Heads of the attention.
        window: Height and width of a window.
        shift: How far down and right windows are shifted.
        hidden: Channels between the two layers of the MLP.
        drop_path: Rate at which each of the two branches is dropped in training.
    """

    channels: int
    heads: int
    window: tuple[int, int]
    shift: tuple[int, int]
    hidden: int
    drop_path: float = 0.0


class SwinBlock(nn.Module):
    """Attention within windows, then an MLP for each pixel, each pre-normalised and with a skip.

    Args:
        settings: See `SwinBlockSettings`.
    """

    def __init__(self, settings: SwinBlockSettings) -> None:
        super().__init__()
        s = self.settings = settings
        self.norm1 = nn.LayerNorm(s.channels)
        self.attention = WindowAttention(s.channels, s.heads, s.window)
        self.norm2 = nn.LayerNorm(s.channels)
        self.mlp = nn.Sequential(
            nn.Linear(s.channels, s.hidden), nn.GELU(), nn.Linear(s.hidden, s.channels)
        )
        self.drop_path = DropPath(s.drop_path)

    def forward(
        self, x: Float[Tensor, "b h w c"], mask: Bool[Tensor, "m l l"]
    ) -> Float[Tensor, "b h w c"]:
        """Return the features of `x`; `mask` belongs to the shifted windows."""
        down = self.settings.shift[0]
        height, width = self.settings.window
        rows = 0 if self.training else rows_at_once(x)  # drop path works on whole pictures
        if not rows:
            return _rolled(self._within(_rolled(x, -down, 1), mask), down, 1)
        rows = max(1, rows // height) * height  # rows of windows are independent of each other
        strips = list(x[:, down:].split(rows, 1))
        strips[-1] = torch.cat([strips[-1], x[:, :down]], 1)  # wraps around the border
        windows = rows // height * (x.shape[2] // width)
        done = [self._within(*own) for own in zip(strips, mask.split(windows), strict=True)]
        *before, last = done
        below, above = last.split([last.shape[1] - down, down], 1)
        return torch.cat([above, *before, below], 1)

    def _within(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the features of whole rows of windows."""
        down, right = self.settings.shift
        x = _rolled(x, -right, 2)
        shifted = mask if down or right else None
        x = x + self.drop_path(self.attention(self.norm1(x), shifted))
        x = x + self.drop_path(self.mlp(self.norm2(x)))
        return _rolled(x, right, 2)


def _rolled(x: Tensor, by: int, dim: int) -> Tensor:
    return torch.roll(x, by, dim) if by else x
