"""Locating the pixels of one grid on another, axis by axis.

    a picture spans [−1, 1] along each axis; the centre of pixel i of n is −1 + (2i + 1)/n

Rows and columns are independent, so the values along an axis are computed once for each row and
each column of a grid, or once for each scattered point. Windows of a large grid can be rendered
from tiles, as coordinates, and so the choice of the nearest pixel, always refer to the whole
picture.

The arithmetic follows the releases of LIIF and CiaoSR step by step, in float32 and with their shift
of 1e-6: where a point is equally near to two pixels, rounding decides, and networks were trained
with these decisions.

Source: Chen et al. (LIIF), https://arxiv.org/abs/2012.09161
"""

from typing import NamedTuple

import torch

from bigpicture.context.contract import Part, Span
from bigpicture.shapes import Float, Tensor

__all__ = ["Axis", "Queries", "bilinear", "locate", "pixel_centres", "queries"]

_SHIFT = 1e-6


class Axis(NamedTuple):
    """What queries see along one axis of a tile's features, as pixel indices in the tile."""

    nearest: Tensor
    near: Tensor
    """The pixels nearest to the points half a pixel before and after the query, integers (2 q)."""
    relative: Float[Tensor, "2 q"]
    """Offset of the query from them, in a unit in which the whole picture is 2n wide."""
    cell: Float[Tensor, " q"]
    """Side of the query's pixel in the same unit, in which a pixel of the features has side 2."""


class Queries(NamedTuple):
    """What m queries see of the features, with pixels numbered throughout the batch."""

    nearest: Tensor
    near: Tensor
    """The neighbours (4 m): above left, above right, below left, below right."""
    step: Tensor
    """Step from the nearest pixel to the neighbour (4 m): 3·rows + columns, each in −1, 0, 1."""
    where: Float[Tensor, "4 m 4"]
    """Relative row and column, height and width of the query's pixel."""


def pixel_centres(length: int, like: Tensor) -> Float[Tensor, " n"]:
    """Return the coordinates of an axis' pixel centres, in float32 or the wider type of `like`.

    >>> pixel_centres(4, torch.empty(0)).tolist()
    [-0.75, -0.25, 0.25, 0.75]
    """
    dtype = torch.promote_types(like.dtype, torch.float32)
    return _centre(torch.arange(length, device=like.device, dtype=dtype), length)


def locate(x: Float[Tensor, " q"], cell: Tensor | float, span: Span, reach: Tensor | float) -> Axis:
    """Locate coordinates on an axis of features.

    Args:
        x: Coordinates in [−1, 1].
        cell: Side of the queries' pixels in the same unit, one for all or one each.
        span: The tile, on the features' grid.
        reach: How far before and after a query its two neighbours are sought.
    """
    n, first = span.whole, span.start - span.offset
    nearest = _nearest(x, n)
    sought = torch.stack([x - reach + _SHIFT, x + reach + _SHIFT])
    near = _nearest(sought.clamp(-1 + _SHIFT, 1 - _SHIFT), n)
    # an unusual cell could look further, but heads rely on at most one pixel
    near = nearest + (near - nearest).clamp(-1, 1)
    relative = (x - _centre(near, n)) * n
    nearest, near = ((i.long() - first).clamp(0, span.tile - 1) for i in (nearest, near))
    return Axis(nearest, near, relative, torch.zeros_like(x) + cell * n)


def queries(
    rows: Axis, columns: Axis, index: tuple[Tensor, Tensor, Tensor], size: tuple[int, int]
) -> Queries:
    """Return queries that combine rows and columns.

    Args:
        rows: The axis of rows.
        columns: The axis of columns.
        index: For each query, the index of its picture in the batch, in `rows` and in `columns`.
        size: Height and width of the features.
    """
    image, r, c = index
    base, width = image * (size[0] * size[1]), size[1]
    nearest = rows.nearest[r], columns.nearest[c]
    near = rows.near[:, None, r], columns.near[None, :, c]
    step = 3 * (near[0] - nearest[0]) + (near[1] - nearest[1])
    where = torch.broadcast_tensors(
        rows.relative[:, None, r], columns.relative[None, :, c], rows.cell[r], columns.cell[c]
    )
    return Queries(
        base + nearest[0] * width + nearest[1],
        (base + near[0] * width + near[1]).flatten(0, 1),
        step.flatten(0, 1),
        torch.stack(where, -1).flatten(0, 1),
    )


def bilinear(
    low: Float[Tensor, "b d h w"], rows: Tensor, columns: Tensor, part: Part
) -> Float[Tensor, "b d H W"]:
    """Return pictures interpolated at coordinates of rows and columns; borders are replicated."""
    for dim, x, span in ((-2, rows, part.rows), (-1, columns, part.columns)):
        last = span.whole - 1
        position = (((x + 1) * span.whole - 1) / 2).clamp(0, last)
        before = position.floor()
        first = span.start - span.offset
        index = before.long() - first
        one, other = (low.index_select(dim, (index + i).clamp(0, span.tile - 1)) for i in (0, 1))
        share = (position - before).to(low.dtype)
        low = torch.lerp(one, other, share[:, None] if dim == -2 else share)
    return low


def _centre(i: Tensor, n: int) -> Tensor:
    return (-1 + 1 / n) + (2 / n) * i


def _nearest(x: Tensor, n: int) -> Tensor:
    """Return the index of the nearest pixel, as an integral value in the type of `x`."""
    return (((x + 1) * n - 1) / 2).round().clamp(0, n - 1)
