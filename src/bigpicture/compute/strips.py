"""Work on features in strips of rows, for local work that needs much memory on its way.

    (b, h, w, c) ──some rows──▶ work ──▶ (b, h, w, d)

On a CPU, what is made of a strip stays in the cache until it is used, and memory is only taken for
one strip. Gradients keep everything anyway, and compilers and GPUs want everything at once. What is
drawn at random for each picture must not be drawn for each strip: layers that do so in training
leave strips to evaluation.
"""

from collections.abc import Callable

import torch

from bigpicture.shapes import Float, Tensor

__all__ = ["in_strips", "rows_at_once"]

_PIXELS_AT_ONCE = 4096
"""By each thread: some hundred numbers a pixel then fit into the cache."""


def rows_at_once(x: Float[Tensor, "b h w c"]) -> int:
    """Return how many rows of `x` should be worked on at a time; 0 if all at once."""
    if x.device.type != "cpu" or torch.compiler.is_compiling() or torch.is_grad_enabled():
        return 0
    b, _, width, _ = x.shape
    return max(1, _PIXELS_AT_ONCE * torch.get_num_threads() // (b * width))


def in_strips(
    work: Callable[..., Tensor], *features: Float[Tensor, "b h w _"], halo: int = 0, scale: int = 1
) -> Float[Tensor, "b H W d"]:
    """Return what `work` makes of features, strip by strip.

    Args:
        work: Takes rows of all `features` and returns `scale` times as many; each must depend on
            rows up to `halo` away alone, and on the border of what it is given as on the picture's.
        features: Of the same height and width.
        halo: Rows that a strip is given more on each side, and that are dropped afterwards.
        scale: How many rows are made of one.
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
