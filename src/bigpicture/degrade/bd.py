"""BD: a Gaussian blur, then every third pixel, as from a badly focused camera.

    (H, W, c) ──crop──▶ ──blur 7×7, σ 1.6, rounded──▶ ──centre of each r×r cell──▶ (h, w, c)

Published numbers use r = 3. The edge sample repeats beyond the border.

Source: Zhang et al., "Learning a Single Convolutional Super-Resolution Network for Multiple
    Degradations", CVPR 2018. https://arxiv.org/abs/1712.06116
"""

import numpy as np

from bigpicture.degrade.bi import crop_to_scale
from bigpicture.image.resize import Stored, StoredOut
from bigpicture.shapes import Float

_WINDOW = 7
_SIGMA = 1.6


def bd(high: Stored, scale: int | float = 3) -> StoredOut:
    """Blur a picture and keep the centre of each cell.

    Args:
        high: The picture, uint8 or uint16, cropped to a multiple of `scale` first.
        scale: Side of a cell; odd, so that the cell has a centre pixel.

    Raises:
        ValueError: If `scale` is not a positive odd number, or a side of the picture is
            shorter than it.

    >>> bd(np.full((9, 11, 3), 80, np.uint8)).shape
    (3, 3, 3)
    """
    if scale % 2 != 1:  # even, fractional, infinite or NaN
        raise ValueError(f"scale is {scale}; BD keeps the centre of a cell, give an odd scale")
    high = crop_to_scale(high, scale)
    blurred = np.floor(_blur(_blur(high, axis=0), axis=1) + 0.5).astype(high.dtype)
    step = int(scale)
    return blurred[step // 2 :: step, step // 2 :: step]


def _blur(image: np.ndarray, axis: int) -> Float[np.ndarray, "h w *c"]:
    """Blur along one axis, as a weighted sum of shifted pictures in float64."""
    distance = np.arange(_WINDOW) - _WINDOW // 2
    weight = np.exp(-(distance**2) / (2 * _SIGMA**2))
    weight /= weight.sum()
    places = np.arange(image.shape[axis])
    shifted = (image.take((places + d).clip(0, places[-1]), axis) for d in distance)
    return sum((w * part for w, part in zip(weight, shifted, strict=True)), np.zeros(image.shape))
