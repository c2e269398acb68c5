"""Process features in strips of rows, for local operations with large intermediate results.

    (b, h, w, c) ──some rows──▶ work ──▶ (b, h, w, d)

On a CPU, the intermediate results of a strip stay in the cache until they are used, and take memory
for one strip only. Gradients keep everything anyway, and compilers and GPUs work best on everything
at once. Random numbers drawn once per picture must not be drawn once per strip: layers that draw
them in training use strips only in evaluation.
"""

from collections.abc import Callable

import torch

from bigpicture.shapes import Float, Tensor

__all__ = ["in_strips", "rows_at_once"]

_PIXELS_AT_ONCE = 4096
"""Pixels per thread, so few that a few hundred numbers per pixel fit into the cache."""


def rows_at_once(x: Float[Tensor, "b h w c"]) -> int:
    """Return how many rows of `x` to process at a time; 0 means all at once."""
    if x.device.type != "cpu" or torch.compiler.is_compiling() or torch.is_grad_enabled():
        return 0
    b, _, width, _ = x.shape
    return max(1, _PIXELS_AT_ONCE * torch.get_num_threads() // (b * width))


def in_strips(
    work: Callable[..., Tensor], *features: Float[Tensor, "b h w _"], halo: int = 0, scale: int = 1
) -> Float[Tensor, "b H W d"]:
    """Return `work(*features)`, computed strip by strip.

    Args:
        work: Takes rows of all `features` and returns `scale` times as many. Each must depend only
            on rows at most `halo` away; `work` must treat the border of a strip like the picture's.
        features: Features of the same height and width.
        halo: Extra rows on each side of a strip, which are dropped from its result.
        scale: Output rows per input row.
    """
    height, rows = features[0].shape[1], rows_at_once(features[0])
    if not rows or rows >= height:
        return work(*features)
    result = None
    for start in range(0, height, rows):
        stop = min(start + rows, height)
        first, last = max(0, start - halo), min(height, stop + halo)
        made = work(*(x[:, first:last] for x in features))
        if result is None:
            result = made.new_empty(made.shape[0], scale * height, *made.shape[2:])
        result[:, scale * start : scale * stop] = made[
            :, scale * (start - first) : scale * (stop - first)
        ]
    assert result is not None
    return result
