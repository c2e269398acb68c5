"""Rounding to 8-bit levels that gives the same result wherever it is computed.

Means of whole levels often lie halfway between two levels (resizing by an integer factor makes
little else). Which of the two is nearer then depends on the last digit, and so on the number of
threads and the device. So values that are nearly halfway count as halfway and are rounded up.
"""

import torch

from bigpicture.shapes import Float, Tensor

__all__ = ["to_levels"]

_NEARLY = 1e-4  # in levels: far above the error of float32, far below what is visible


def to_levels(image: Float[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
    """Return the levels 0, 1, …, 255 of a picture; values outside [0, 1] are clipped.

    >>> to_levels(torch.tensor([0.5 / 255 - 1e-12, 0.4 / 255, 2.0]).view(1, 1, 3)).flatten()
    tensor([  1.,   0., 255.])
    """
    return torch.floor(image * 255 + (0.5 + _NEARLY)).clamp(0, 255)
