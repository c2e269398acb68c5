"""Sums along the diagonals of a table over all pairs of pixels of two pictures.

    pairs (y, x, j, i) → Σ over a, b in −1, 0, 1 of (y + a, x + b, j + a, i + b)

If the entry of a pair is the inner product of two pixels' features, the sum is that of the 3×3
patches around them. The weights of overlapping patches add up to such a sum too. Entries beyond the
borders count as zero.
"""

from typing import Any

import torch
from torch.autograd import Function
from torch.nn import functional as F

from bigpicture.shapes import Float, Tensor

__all__ = ["diagonal_sum"]


def diagonal_sum(
    pairs: Float[Tensor, "y x j i"], scratch: Float[Tensor, " n"] | None = None
) -> Float[Tensor, "y x j i"]:
    """Return the sums along the diagonals.

    Args:
        pairs: A table. With `scratch`, it must be contiguous and is overwritten with the result.
        scratch: Working memory for as many numbers, since allocating large tables repeatedly takes
            longer than summing them. There is no gradient then.
    """
    if scratch is not None:
        other = scratch[: pairs.numel()].view_as(pairs)
        return _along(_along(pairs, 0, 2, other), 1, 3, pairs)
    if torch.compiler.is_compiling():
        return _traced(_traced(pairs, 0, 2), 1, 3)
    return _DiagonalSum.apply(pairs)  # pyright: ignore[reportReturnType]


def _along(x: Tensor, first: int, second: int, out: Tensor) -> Tensor:
    """Write the sums along one of the two directions into `out`."""
    n, m = x.shape[first] - 1, x.shape[second] - 1
    before, after = ([t.narrow(first, i, n).narrow(second, i, m) for t in (x, out)] for i in (0, 1))
    for dim in (first, second):  # these entries have no predecessor
        out.select(dim, 0).copy_(x.select(dim, 0))
    torch.add(after[0], before[0], out=after[1])
    before[1].add_(after[0])
    return out


def _traced(x: Tensor, first: int, second: int) -> Tensor:
    """Return the same sums, in a form that compilers can trace for tables of any size."""
    around = [0] * 8
    for dim in (first, second):
        around[6 - 2 * dim] = around[7 - 2 * dim] = 1
    padded, (n, m) = F.pad(x, around), (x.shape[first], x.shape[second])
    before, after = (padded.narrow(first, i, n).narrow(second, i, m) for i in (0, 2))
    return x + before + after


class _DiagonalSum(Function):
    """The sum is its own adjoint, so nothing needs to be kept for the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401
        half = _along(x, 0, 2, torch.empty_like(x))
        return _along(half, 1, 3, torch.empty_like(x))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # noqa: ANN401  # pyright: ignore[reportIncompatibleMethodOverride]
        return _DiagonalSum.apply(grad)  # pyright: ignore[reportReturnType]
