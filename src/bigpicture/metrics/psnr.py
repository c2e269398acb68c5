"""Peak signal-to-noise ratio: the mean squared error on a logarithmic scale.

    (…, c, h, w), (…, c, h, w) ──▶ (…)     10 · log₁₀(peak² / mean squared error), in dB

Nothing is rounded, cropped or converted here; a `Protocol` does that.
"""

import torch

from bigpicture.metrics.pairs import as_float64, check_peak
from bigpicture.shapes import Float, Tensor


def psnr(
    restored: Float[Tensor, "*batch c h w"],
    reference: Float[Tensor, "..."],
    *,
    peak: int | float,
) -> Float[Tensor, "*batch"]:
    """Return the peak signal-to-noise ratio of each picture in dB, infinite for equal pictures.

    Args:
        restored: Pictures whose values lie between 0 and `peak`.
        reference: The references, of the same shape.
        peak: The largest possible value: 1 for pictures in [0, 1], 255 for 8-bit ones.

    Returns:
        One float64 number for each picture: the error is averaged over channels and pixels.

    Raises:
        ValueError: If the shapes differ or `peak` is not positive.

    >>> psnr(torch.full((3, 8, 8), 0.5), torch.full((3, 8, 8), 0.6), peak=1)
    tensor(20.0000, dtype=torch.float64)
    """
    check_peak(peak)
    restored, reference = as_float64(restored, reference)
    error = (restored - reference).square().mean(dim=(-3, -2, -1))
    return 10 * torch.log10(peak**2 / error)
