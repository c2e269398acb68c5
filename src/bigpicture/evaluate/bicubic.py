"""The baseline of every table: bicubic enlargement as MATLAB computes it, in 8 bits.

(1, c, h, w) ──8 bits──▶ ──MATLAB's imresize──▶ (1, c, round(scale·h), round(scale·w))
"""

import numpy as np
import torch

from bigpicture.evaluate.run import Restore
from bigpicture.image.picture import quantise, to_float
from bigpicture.image.resize import resize_stored
from bigpicture.shapes import Float, Tensor


def bicubic(scale: int | float) -> Restore:
    """Return a `restore` that enlarges each side by `scale`.

    Values are rounded to 8 bits between rows and columns, as in published numbers; the networks'
    own bicubic paths use `resize`, which does not round.

    Raises:
        ValueError: If `scale` is not positive.

    >>> bicubic(1.5)(torch.rand(1, 3, 8, 6)).shape
    torch.Size([1, 3, 12, 9])
    """
    if not scale > 0:
        raise ValueError(f"scale is {scale}; give the positive enlargement of each side")

    def restore(low: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 c H W"]:
        levels = quantise(low[0].permute(1, 2, 0).float().cpu().numpy(), 8)
        size = (round(scale * levels.shape[0]), round(scale * levels.shape[1]))
        high = to_float(resize_stored(levels, size=size))
        return torch.from_numpy(np.ascontiguousarray(high.transpose(2, 0, 1)))[None].to(low.device)

    return restore
