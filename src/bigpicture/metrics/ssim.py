"""Structural similarity: how alike luminance, contrast and structure are around each pixel.

    (…, c, h, w), (…, c, h, w) ──▶ (…)     the mean over channels and the valid area

Around each pixel, moments under an 11×11 Gaussian of σ 1.5 (weights that sum to 1; biased
variances) give

    (2 μₓ μᵧ + C₁) (2 σₓᵧ + C₂) / ((μₓ² + μᵧ² + C₁) (σₓ² + σᵧ² + C₂)),   Cᵢ = (Kᵢ · peak)²

with K₁ = 0.01 and K₂ = 0.03. Only pixels whose whole window lies in the picture count, as in the
authors' MATLAB program. That program may downsample large pictures first; like all tables in this
field, this module does not.

Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
    IEEE Trans. Image Processing 13(4), 2004. https://doi.org/10.1109/TIP.2003.819861
"""

import torch
import torch.nn.functional as F

from bigpicture.metrics.pairs import as_float64, check_peak
from bigpicture.shapes import Float, Tensor

WINDOW = 11
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03


def ssim(
    restored: Float[Tensor, "*batch c h w"],
    reference: Float[Tensor, "..."],
    *,
    peak: int | float,
) -> Float[Tensor, "*batch"]:
    """Return the structural similarity of each picture, 1 for equal pictures.

    Args:
        restored: Pictures whose values lie between 0 and `peak`.
        reference: The references, of the same shape.
        peak: The largest possible value: 1 for pictures in [0, 1], 255 for 8-bit ones.

    Returns:
        One float64 number in [−1, 1] for each picture.

    Raises:
        ValueError: If the shapes differ, a side is shorter than the window's 11, or `peak` is not
            positive.

    >>> picture = torch.rand(2, 3, 16, 16)
    >>> ssim(picture, picture, peak=1)
    tensor([1., 1.], dtype=torch.float64)
    """
    check_peak(peak)
    x, y = as_float64(restored, reference)
    if min(x.shape[-2:]) < WINDOW:
        raise ValueError(
            f"the pictures are {x.shape[-2]}×{x.shape[-1]} but SSIM's window is "
            f"{WINDOW}×{WINDOW}; give pictures with at least {WINDOW} pixels a side"
        )
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variance_x = _window_mean(x * x) - mean_x**2
    variance_y = _window_mean(y * y) - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return (luminance * structure).mean(dim=(-3, -2, -1))


def _window_mean(x: Float[Tensor, "*batch h w"]) -> Float[Tensor, "*batch h-10 w-10"]:
    """Return the Gaussian mean around each pixel of the valid area."""
    distance = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    weight = torch.exp(-(distance**2) / (2 * _SIGMA**2))
    weight = weight / weight.sum()
    planes = x.reshape(-1, 1, *x.shape[-2:])
    planes = F.conv2d(F.conv2d(planes, weight.view(1, 1, -1, 1)), weight.view(1, 1, 1, -1))
    return planes.reshape(*x.shape[:-2], *planes.shape[-2:])
