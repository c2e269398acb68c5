"""Sharpening of a network's targets: an unsharp mask, applied where there is detail.

    r = x − G * x      m = G * [|r| > τ]      x ──▶ m · clip(x + ½ r) + (1 − m) · x

G is a Gaussian of 51 pixels, σ = 8. Noise and smooth areas, whose r is small, are not changed; the
mask is blurred by the same G, so that it has no hard edges.

Source: Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic
    Data", ICCV Workshops 2021, with the numbers of the published program.
    https://arxiv.org/abs/2107.10833
"""

import torch

from bigpicture.degrade.blur import convolve
from bigpicture.degrade.kernels import gaussian
from bigpicture.shapes import Float, Tensor

__all__ = ["sharpen"]

_SIDE, _SIGMA = 51, 8.0
_WEIGHT = 0.5
_DETAIL = 10 / 255  # τ


def sharpen(image: Float[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
    """Sharpen a picture in [0, 1]."""
    kernel = gaussian(_SIDE, (_SIGMA, _SIGMA))
    detail = image - convolve(image, kernel)
    mask = convolve((detail.abs() > _DETAIL).to(image.dtype), kernel)
    sharp = (image + _WEIGHT * detail).clamp(0, 1)
    return torch.lerp(image, sharp, mask.clamp(0, 1))
