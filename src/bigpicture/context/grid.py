"""The context that most operators use: means over the cells of a k×k grid.

    (b, c, h, w) → total (b, c, k, k), weight (k, k)     mean = total / weight

The cells are those of adaptive average pooling: cell i of an axis of n pixels covers
⌊i·n/k⌋ … ⌈(i+1)·n/k⌉, so neighbouring cells may share a pixel. Totals and weights of disjoint
parts add up, which is why both are kept instead of the mean.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch.nn import functional as F

from bigpicture.compute.precision import exact_dtype
from bigpicture.compute.woven import as_groups, is_woven
from bigpicture.context.contract import Part, Span
from bigpicture.shapes import Float, Tensor

__all__ = ["GridMean", "cell_bounds", "gather_grid", "pool_by_rows"]


class GridMean(NamedTuple):
    """Totals over the cells of a grid, and how many pixels each cell has counted so far.

    Without a weight, the total is already the mean: `gather_grid` has seen the whole picture.
    """

    total: Float[Tensor, "b c k k"]
    weight: Float[Tensor, "k k"] | None = None

    def merge(self, other: "GridMean") -> "GridMean":
        """Return the totals over both parts together.

        Raises:
            ValueError: If either is already the context of a whole picture.
        """
        if self.weight is None or other.weight is None:
            raise ValueError("a context of a whole picture was merged; gather parts, to merge them")
        return GridMean(self.total + other.total, self.weight + other.weight)

    @property
    def mean(self) -> Float[Tensor, "b c k k"]:
        """Mean of each cell. Every cell must have counted a pixel, as in any whole picture."""
        return self.total if self.weight is None else self.total / self.weight


def gather_grid(x: Float[Tensor, "b c h w"], cells: int, part: Part | None = None) -> GridMean:
    """Average `x`, or sum the part of it that counts, over a grid of `cells` × `cells`.

    A part is summed in float64 (float32 on MPS), so that many tiles add up to the whole: counts of
    2²⁴ pixels and more are not exact in float32.
    """
    if part is None:
        if is_woven(x):
            means = F.adaptive_avg_pool2d(as_groups(x), cells)
            return GridMean(means.reshape(*x.shape[:2], cells, cells))
        if torch.compiler.is_compiling() or cells == 1:
            return GridMean(F.adaptive_avg_pool2d(x, cells))
        return GridMean(pool_by_rows([x], cells))
    part = part.on_grid(*x.shape[-2:])
    precise = exact_dtype(x)
    rows, columns = (_membership(span, cells).to(x.device, precise) for span in part)
    own = part.crop(x).to(precise)
    total = rows @ own @ columns.mT
    return GridMean(total, rows.sum(1)[:, None] * columns.sum(1))


def pool_by_rows(strips: Iterable[Tensor], cells: int) -> Float[Tensor, "b c k k"]:
    """Return the mean of each cell, taken along rows first.

    So strips may have any height, and no sum has more terms than a side has pixels. PyTorch adds
    pixels one by one: the mean over a cell of a million was off by 0.6 % in float32.

    Args:
        strips: The picture, cut between rows.
        cells: Number of cells on each side.
    """
    means = [F.adaptive_avg_pool2d(strip, (None, cells)) for strip in strips]
    return F.adaptive_avg_pool2d(torch.cat(means, -2), (cells, None))


def cell_bounds(length: int, cells: int) -> list[tuple[int, int]]:
    """Return the start and stop of each cell along an axis of `length` pixels.

    >>> cell_bounds(7, 3)
    [(0, 3), (2, 5), (4, 7)]
    """
    return [(i * length // cells, -(-(i + 1) * length // cells)) for i in range(cells)]


def _membership(span: Span, cells: int) -> Float[Tensor, "k n"]:
    """Return which of the span's pixels lie in which cell of the whole picture, as 0 or 1."""
    position = torch.arange(span.start, span.stop)
    bounds = torch.tensor(cell_bounds(span.whole, cells))
    return ((position >= bounds[:, :1]) & (position < bounds[:, 1:])).float()
