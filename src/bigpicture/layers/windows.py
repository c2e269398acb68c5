"""Windows: cutting features into rectangles, and attention within each.

    (b, h, w, c) ──partition──▶ (n, l, c) ──attend──▶ (n, l, c)

The n = b·(h/height)·(w/width) windows of l = height·width pixels are ordered picture by picture,
row by row. Windows are shifted by rolling the features, after which the last row and column of
windows hold pixels of opposite borders. A mask keeps those apart; it is computed from the size each
time, so nothing is stored.

Source: Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
    ICCV 2021. https://arxiv.org/abs/2103.14030
Changed: windows may be any rectangle; the mask excludes exactly, whereas the published code
    subtracts 100.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn import functional as F

from bigpicture.shapes import Bool, Float, Tensor

__all__ = [
    "Cut",
    "attend",
    "biases_of_pairs",
    "in_order",
    "partition",
    "reach_through",
    "shift_mask",
]


class Cut(NamedTuple):
    """How an axis is cut into windows."""

    side: int
    """Pixels of a window along the axis."""
    shift: int = 0
    """Windows begin this many pixels after the multiples of `side`."""


def partition(x: Float[Tensor, "b h w c"], height: int, width: int) -> Float[Tensor, "n l c"]:
    """Return the windows of features, whose sides must be multiples of the window's.

    >>> partition(torch.arange(8.0).view(1, 2, 4, 1), 2, 2)[..., 0].tolist()
    [[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]
    """
    b, h, w, c = x.shape
    cells = x.view(b, h // height, height, w // width, width, c)
    return in_order(cells.transpose(2, 3)).view(-1).view(-1, height * width, c)


def in_order(x: Float[Tensor, "*d"]) -> Float[Tensor, "*d"]:
    """Return a copy of `x` with memory in the order of its axes.

    `contiguous` and `reshape` first check whether a copy is needed, which depends on sizes that are
    unknown while a network is exported; an unconditional copy does not.
    """
    return x.clone(memory_format=torch.contiguous_format)


def shift_mask(
    size: tuple[int, int],
    window: tuple[int, int],
    shift: tuple[int, int],
    device: torch.device | None = None,
) -> Bool[Tensor, "m l l"]:
    """Return which pixels of a window may see each other, for the m windows of one picture.

    Args:
        size: Height and width of the features, multiples of the window's sides.
        window: Height and width of a window.
        shift: How far the features were rolled up and left, less than the window's sides.
        device: Device of the mask.

    >>> shift_mask((1, 4), (1, 2), (0, 1)).long().tolist()
    [[[1, 1], [1, 1]], [[1, 0], [0, 1]]]
    """
    (h, w), (height, width) = size, window
    number = torch.arange((h // height) * (w // width), device=device)[:, None]
    pixel = torch.arange(height * width, device=device)
    row = number // (w // width) * height + pixel // width
    column = number % (w // width) * width + pixel % width
    # pixels that were rolled around the border lie at the end of the axis
    label = 2 * (row >= h - shift[0]) + (column >= w - shift[1])
    return label[:, :, None] == label[:, None]


def attend(
    q: Float[Tensor, "n l c"],
    k: Float[Tensor, "n l c"],
    v: Float[Tensor, "n l c"],
    bias: Float[Tensor, "heads l l"],
    mask: Bool[Tensor, "m l l"] | None = None,
) -> Float[Tensor, "n l c"]:
    """Return the attention within windows: softmax(q kᵀ / √(c/heads) + bias) v, head by head.

    Args:
        q: Queries, with the channels of one head after the other.
        k: Keys.
        v: Values.
        bias: Added for each pair of pixels of a window.
        mask: Pairs that may see each other, for the windows of one picture; None for all.
    """
    heads = len(bias)
    queries, keys, values = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    added = bias.to(q.dtype)[None]
    if mask is not None:
        added = torch.where(mask[:, None], added, -math.inf)
        pictures = q.shape[0] // mask.shape[0]
        added = added.expand(pictures, *added.shape).flatten(0, 1)
    y = F.scaled_dot_product_attention(queries, keys, values, attn_mask=added)
    return y.transpose(1, 2).flatten(2)


def biases_of_pairs(
    table: Float[Tensor, "heads y x"], height: int, width: int
) -> Float[Tensor, "heads l l"]:
    """Return the entry of a table of offsets for each pair of pixels of a window.

    Args:
        table: Entries by rows and columns from the second pixel to the first, with offset 0 in the
            middle. It must cover at least the offsets in the window.
        height: Height of the window.
        width: Width of the window.

    >>> biases_of_pairs(torch.tensor([[[-1.0, 0.0, 1.0]]]), 1, 2)
    tensor([[[ 0., -1.],
             [ 1.,  0.]]])
    """
    y, x = (torch.arange(side, device=table.device) for side in (height, width))
    rows = y[:, None] - y + table.shape[1] // 2
    columns = x[:, None] - x + table.shape[2] // 2
    pairs = table[:, rows[:, None, :, None], columns[None, :, None, :]]
    return pairs.flatten(3, 4).flatten(1, 2)


def reach_through(steps: Sequence[Cut | int]) -> int:
    """Return how many pixels away a pixel has influence, along an axis, after some layers.

    Args:
        steps: For each layer in order, how it cuts the axis into windows, or how far its
            convolutions reach.

    A window adds less than its side, because pixels in the same windows before and after a layer
    are not reached anew: pairs of windows shifted by half add a half each.

    >>> reach_through([1, Cut(8)]), reach_through([Cut(8), Cut(8, 4), 1, Cut(8), Cut(8, 4)])
    (8, 19)
    """
    period = math.lcm(*(step.side for step in steps if isinstance(step, Cut)))
    farthest = 0
    for pixel in range(period):
        first = last = pixel
        for step in reversed(steps):
            if isinstance(step, Cut):
                first -= (first - step.shift) % step.side
                last += step.side - 1 - (last - step.shift) % step.side
            else:
                first, last = first - step, last + step
        farthest = max(farthest, pixel - first, last - pixel)
    return farthest
