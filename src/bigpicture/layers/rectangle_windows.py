"""Rectangle-window attention: half of the channels in flat windows, half in upright ones.

    (b, h, w, c) ──linear──▶ q, k, v ──8×32 windows──▶ (b, h, w, c/2) ┐
                                     ──32×8 windows──▶ (b, h, w, c/2) ┴ + conv 3×3 (v) ──linear──▶

To a pair's product of query and key, a dynamic bias is added: a small network's answer to the
offset between the two. Shifted windows begin half a window later; those at the border are cut.

Source: Chen et al., "Cross Aggregation Transformer for Image Restoration", NeurIPS 2022.
    https://arxiv.org/abs/2211.13654. As used in RGT, https://arxiv.org/abs/2303.06373, whose
    weights load. Dynamic bias: Wang et al., https://arxiv.org/abs/2108.00154, eq. (4).
Changed: shifted windows are cut where the picture ends, with neither roll nor mask: the released
    code has pixels of opposite borders in one window and then forbids them to see each other.
    q, k and v, not the picture, are padded with zeros to whole windows, as there.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from bigpicture.context.pointwise import Pointwise, pointwise
from bigpicture.context.strips import rows_at_once
from bigpicture.layers.windows import Cut, attend, partition
from bigpicture.shapes import Float, Tensor

__all__ = ["DynamicPositionBias", "RectangleWindowAttention", "rectangles_see"]


_SPARE = 2


class _Band(NamedTuple):
    """Windows that lie side by side along an axis: first pixel, last but one, a window's length."""

    start: int
    stop: int
    side: int


class _Laid(NamedTuple):
    """How windows lie, in bands along both axes, and the biases for their sizes."""

    rows: list[_Band]
    columns: list[_Band]
    biases: dict[tuple[int, int], Tensor]

    def attend(self, row: _Band, *qkv: Float[Tensor, "b y w d"]) -> Float[Tensor, "b y x d"]:
        """Return what is found in the windows of one band of rows."""
        found = []
        for column in self.columns:
            q, k, v = (_cut(_take(x, 2, column), row, column) for x in qkv)
            y = attend(q, k, v, self.biases[row.side, column.side])
            found.append(_put_back(y, len(qkv[0]), row, column))
        return _joined(found, 2, self.columns, qkv[0].shape[2])


class DynamicPositionBias(nn.Module):
    """A bias for each head and each pair of pixels in a window, made of the pair's offset.

    Args:
        heads: How many biases an offset has.
        window: Height and width of the windows.
        hidden: Width of the small network.
    """

    def __init__(self, heads: int, window: tuple[int, int], hidden: int) -> None:
        super().__init__()
        self.window = window
        layers: list[nn.Module] = [nn.Linear(2, hidden)]
        for width in (hidden, hidden, heads):
            layers += [nn.LayerNorm(hidden), nn.ReLU(), nn.Linear(hidden, width)]
        self.layers = nn.Sequential(*layers)

    def forward(
        self, sizes: Iterable[tuple[int, int]]
    ) -> dict[tuple[int, int], Float[Tensor, "heads l l"]]:
        """Return the bias of each pair of pixels, for windows of some sizes up to `window`."""
        like = next(self.parameters())
        y, x = (torch.arange(1 - side, side).to(like) for side in self.window)
        offsets = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1)
        table = self.layers(offsets).permute(2, 0, 1)
        return {size: self._pairs(table, *size) for size in sizes}

    def _pairs(
        self, table: Float[Tensor, "heads y x"], height: int, width: int
    ) -> Float[Tensor, "heads l l"]:
        """Look each pair's offset up."""
        y, x = (torch.arange(side, device=table.device) for side in (height, width))
        rows = y[:, None] - y + self.window[0] - 1
        columns = x[:, None] - x + self.window[1] - 1
        pairs = table[:, rows[:, None, :, None], columns[None, :, None, :]]
        return pairs.flatten(3, 4).flatten(1, 2)


class RectangleWindowAttention(nn.Module):
    """Multi-head attention within rectangles of both orientations, and a convolution beside it.

    Args:
        channels: Channels c in and out.
        heads: Heads of both halves together.
        window: Height and width of the first half's windows; the second half's are turned.
        shifted: Whether windows begin half a window later.

    Raises:
        ValueError: If half of the heads do not divide half of the channels, or one side of the
            window is not a multiple of the other.
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
        self.multiple = max(window)
        self.shifted = shifted
        self.qkv = Pointwise(channels, 3 * channels)
        self.biases = nn.ModuleList(
            DynamicPositionBias(heads // 2, own, max(1, channels // 2 // 4 // 4))
            for own in self.windows
        )
        self.position = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.out = Pointwise(channels, channels)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        """Return what each pixel finds in its windows."""
        at_once = rows_at_once(x)
        return self.out(self._in_strips(x, at_once) if at_once else self._whole(x))

    def _whole(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        q, k, v = self.qkv(x).chunk(3, -1)
        halves = []
        for index, own in enumerate(zip(*(y.chunk(2, -1) for y in (q, k, v)), strict=True)):
            lay = self._lay(index, x)
            rows = [lay.attend(band, *(_take(y, 1, band) for y in own)) for band in lay.rows]
            halves.append(_joined(rows, 1, lay.rows, x.shape[1]))
        return torch.cat(halves, -1) + self._local(v)

    def _in_strips(self, x: Float[Tensor, "b h w c"], at_once: int) -> Float[Tensor, "b h w c"]:
        """Work on some rows of windows at a time, and make queries and keys of those alone."""
        c = x.shape[-1]
        weight, bias = self.qkv.weight, self.qkv.bias
        v = pointwise(x, weight[2 * c :], bias[2 * c :])
        y = self._local(v)
        for index, (values, result) in enumerate(zip(v.chunk(2, -1), y.chunk(2, -1), strict=True)):
            q, k = (slice(i * c // 2, (i + 1) * c // 2) for i in (index, 2 + index))
            both = torch.cat([weight[q], weight[k]]), torch.cat([bias[q], bias[k]])
            lay = self._lay(index, x, at_once)
            for band in lay.rows:
                rows = slice(band.start, band.stop)
                own = *pointwise(x[:, rows], *both).chunk(2, -1), values[:, rows]
                whole = _Band(0, band.stop - band.start, band.side)
                found = lay.attend(band, *(_take(y, 1, whole) for y in own))
                there = result[:, rows]
                there += found[:, : there.shape[1]]
        return y

    def _local(self, v: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        return self.position(v.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    def _lay(self, index: int, x: Float[Tensor, "b h w c"], at_once: int = 0) -> _Laid:
        """Lay windows of one orientation over `x`, and over zeros where they reach beyond it."""
        multiple, (tall, broad) = max(self.windows[0]), self.windows[index]
        height, width = (-(-side // multiple) * multiple for side in x.shape[1:3])
        down, right = (side // 2 if self.shifted else 0 for side in (tall, broad))
        rows, columns = _bands(height, tall, down, at_once), _bands(width, broad, right)
        sizes = {(row.side, column.side) for row in rows for column in columns}
        return _Laid(rows, columns, self.biases[index](sizes))


def rectangles_see(window: tuple[int, int], shifted: bool) -> tuple[Cut | int, ...]:
    """Return what `RectangleWindowAttention` sees along an axis, or a little more.

    Shorter windows, shifted by half of their own side, reach over the border of longer ones.
    """
    longer, shorter = max(window), min(window)
    if not shifted:
        return Cut(longer), 1
    return Cut(longer, longer // 2), max(1, shorter // 2)


def _cut(x: Float[Tensor, "b y x c"], row: _Band, column: _Band) -> Float[Tensor, "n l c"]:
    """Return the windows of two bands, as `partition` does."""
    if not torch.compiler.is_compiling():
        return partition(x, row.side, column.side)
    # by indices: that views divide cannot be known before sizes are
    down, right = ((band.stop - band.start) // band.side for band in (row, column))
    window = torch.arange(len(x) * down * right, device=x.device)[:, None]
    pixel = torch.arange(row.side * column.side, device=x.device)
    rows = window // right % down * row.side + pixel // column.side
    columns = window % right * column.side + pixel % column.side
    return x[window // (down * right), rows, columns]


def _put_back(
    windows: Float[Tensor, "n l c"], pictures: int, row: _Band, column: _Band
) -> Float[Tensor, "b y x c"]:
    """Undo `_cut`."""
    down, right = ((band.stop - band.start) // band.side for band in (row, column))
    if torch.compiler.is_compiling():
        picture, y, x = (
            torch.arange(length, device=windows.device)
            for length in (pictures, down * row.side, right * column.side)
        )
        picture, y = picture[:, None, None], y[:, None]
        window = (picture * down + y // row.side) * right + x // column.side
        return windows[window, y % row.side * column.side + x % column.side]
    cells = windows.view(pictures, down, right, row.side, column.side, windows.shape[-1])
    ordered = cells.transpose(2, 3).clone(memory_format=torch.contiguous_format)
    return ordered.view(pictures, down * row.side, right * column.side, windows.shape[-1])


def _bands(length: int, side: int, shift: int, at_once: int = 0) -> list[_Band]:
    """Return how windows lie along an axis, no more than so many pixels in a band.

    Of a compiled network, whose pictures' sizes are not known, the windows in the middle are two
    more than there are, so that they are neither none nor one.

    >>> [tuple(band) for band in _bands(16, 8, 2)]
    [(0, 2, 2), (2, 10, 8), (10, 16, 6)]
    >>> [tuple(band) for band in _bands(24, 8, 0, at_once=20)]
    [(0, 16, 8), (16, 24, 8)]
    """
    last = length - side + shift if shift else length
    middle = [_Band(shift, last, side)]
    if torch.compiler.is_compiling():
        middle = [_Band(shift, last + _SPARE * side, side)]
    elif at_once:
        step = max(1, at_once // side) * side
        middle = [_Band(i, min(i + step, last), side) for i in range(shift, last, step)]
    if not shift:
        return middle
    return [_Band(0, shift, shift), *middle, _Band(last, length, side - shift)]


def _take(x: Float[Tensor, "b h w c"], dim: int, band: _Band) -> Float[Tensor, "b y x c"]:
    """Return the pixels of a band along an axis, and zeros beyond the border."""
    if torch.compiler.is_compiling():
        position = torch.arange(band.start, band.stop, device=x.device)
        there = (position < x.shape[dim]).to(x.dtype)
        y = x.index_select(dim, position.clamp(max=x.shape[dim] - 1))
        return y * there.view(-1, *[1] * (3 - dim))
    y = x[(slice(None),) * dim + (slice(band.start, band.stop),)]
    missing = band.stop - band.start - y.shape[dim]
    return F.pad(y, (0, 0) * (3 - dim) + (0, missing)) if missing else y


def _joined(
    parts: list[Float[Tensor, "b _ _ c"]], dim: int, bands: list[_Band], length: int
) -> Float[Tensor, "b y x c"]:
    """Return the first `length` pixels of what was made of an axis' bands."""
    y = torch.cat(parts, dim) if len(parts) > 1 else parts[0]
    if torch.compiler.is_compiling():
        position = torch.arange(length, device=y.device)
        if len(bands) > 1:  # what was made of the spare windows is left out
            position = position + _SPARE * bands[1].side * (position >= bands[2].start)
        return y.index_select(dim, position)
    return y[(slice(None),) * dim + (slice(length),)]
