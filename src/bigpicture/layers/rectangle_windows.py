"""Rectangle-window attention: half of the channels in wide windows, half in tall ones.

    (b, h, w, c) ──linear──▶ q, k, v ──8×32 windows──▶ (b, h, w, c/2) ┐
                                     ──32×8 windows──▶ (b, h, w, c/2) ┴ + conv 3×3 (v) ──linear──▶

A dynamic position bias is added to each product of query and key. Shifted windows begin half a
window later and are cut at the border.

Source: Chen et al., "Cross Aggregation Transformer for Image Restoration", NeurIPS 2022.
    https://arxiv.org/abs/2211.13654. As used in RGT, https://arxiv.org/abs/2303.06373, whose
    weights load.
Changed: windows lie in bands (`bigpicture.layers.bands`), without rolling or masks. As in the
    released code, q, k and v are zero-padded to whole windows, not the picture.
"""

from typing import NamedTuple

import torch
from torch import nn

from bigpicture.compute.pointwise import Pointwise, pointwise
from bigpicture.compute.strips import rows_at_once
from bigpicture.layers.bands import Band, cut, join, lay, put_back, take
from bigpicture.layers.dynamic_bias import DynamicPositionBias
from bigpicture.layers.windows import Cut, attend
from bigpicture.shapes import Float, Tensor

__all__ = ["RectangleWindowAttention", "rectangles_see"]


class _Laid(NamedTuple):
    """Windows in bands along both axes, and the biases for their sizes."""

    rows: list[Band]
    columns: list[Band]
    biases: dict[tuple[int, int], Tensor]

    def attend(self, row: Band, *qkv: Float[Tensor, "b y w d"]) -> Float[Tensor, "b y w d"]:
        """Return the attention within the windows of a band of rows."""
        b, _, width, _ = qkv[0].shape
        found = []
        for column in self.columns:
            q, k, v = (cut(take(x, 2, column), row, column) for x in qkv)
            y = attend(q, k, v, self.biases[row.side, column.side])
            found.append(put_back(y, b, row, column))
        return join(found, 2, self.columns, width)


class RectangleWindowAttention(nn.Module):
    """Multi-head attention within rectangles of both orientations, plus convolved values.

    Args:
        channels: Channels c in and out.
        heads: Number of heads of both halves together.
        window: Height and width of the windows of the first half; swapped for the second.
        shifted: Whether windows begin half a window later.

    Raises:
        ValueError: If the heads are odd or do not divide the channels, or one side of the window is
            not a multiple of the other.
    """

    def __init__(
        self, channels: int, heads: int, window: tuple[int, int] = (8, 32), shifted: bool = False
    ) -> None:
        super().__init__()
        if heads % 2 or channels % heads:
            raise ValueError(f"heads must be even and divide the {channels} channels, not {heads}")
        if max(window) % min(window):
            raise ValueError(f"one side of the window must be a multiple of the other: {window}")
        self.windows = (window, (window[1], window[0]))
        self.shifted = shifted
        self.qkv = Pointwise(channels, 3 * channels)
        self.biases = nn.ModuleList(
            DynamicPositionBias(heads // 2, own, max(1, channels // 2 // 4 // 4))
            for own in self.windows
        )
        self.position = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.out = Pointwise(channels, channels)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        """Return the features of `x`, of the same shape."""
        at_once = rows_at_once(x)
        return self.out(self._in_strips(x, at_once) if at_once else self._whole(x))

    def _whole(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        q, k, v = self.qkv(x).chunk(3, -1)
        halves = []
        for index, own in enumerate(zip(*(y.chunk(2, -1) for y in (q, k, v)), strict=True)):
            laid = self._lay(index, x)
            rows = [laid.attend(band, *(take(y, 1, band) for y in own)) for band in laid.rows]
            halves.append(join(rows, 1, laid.rows, x.shape[1]))
        return torch.cat(halves, -1) + self._local(v)

    def _in_strips(self, x: Float[Tensor, "b h w c"], at_once: int) -> Float[Tensor, "b h w c"]:
        """Process some rows of windows at a time, and compute queries and keys of those alone."""
        c = x.shape[-1]
        weight, bias = self.qkv.weight, self.qkv.bias
        v = pointwise(x, weight[2 * c :], bias[2 * c :])
        result = self._local(v)
        halves = zip(v.chunk(2, -1), result.chunk(2, -1), strict=True)
        for index, (values, half) in enumerate(halves):
            q, k = (slice(i * c // 2, (i + 1) * c // 2) for i in (index, 2 + index))
            both = torch.cat([weight[q], weight[k]]), torch.cat([bias[q], bias[k]])
            laid = self._lay(index, x, at_once)
            for band in laid.rows:
                if band.start >= x.shape[1]:
                    break
                rows = slice(band.start, band.stop)
                own = *pointwise(x[:, rows], *both).chunk(2, -1), values[:, rows]
                whole = Band(0, band.stop - band.start, band.side)
                found = laid.attend(band, *(take(y, 1, whole) for y in own))
                there = half[:, rows]
                there += found[:, : there.shape[1]]
        return result

    def _local(self, v: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        return self.position(v.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    def _lay(self, index: int, x: Float[Tensor, "b h w c"], at_once: int = 0) -> _Laid:
        """Lay windows of one orientation over `x`, zero-padded where they reach beyond it."""
        multiple, (tall, broad) = max(self.windows[0]), self.windows[index]
        height, width = (-(-side // multiple) * multiple for side in x.shape[1:3])
        down, right = (side // 2 if self.shifted else 0 for side in (tall, broad))
        rows, columns = lay(height, tall, down, at_once), lay(width, broad, right)
        sizes = {(row.side, column.side) for row in rows for column in columns}
        return _Laid(rows, columns, self.biases[index](sizes))


def rectangles_see(window: tuple[int, int], shifted: bool) -> tuple[Cut | int, ...]:
    """Return how far `RectangleWindowAttention` sees along an axis, or slightly more.

    Shorter windows, shifted by half of their own side, reach across the border of longer ones.
    """
    longer, shorter = max(window), min(window)
    if not shifted:
        return Cut(longer), 1
    return Cut(longer, longer // 2), max(1, shorter // 2)
