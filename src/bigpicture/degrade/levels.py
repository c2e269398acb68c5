"""Rounding to levels of 8 bits that comes out alike wherever it is computed.

Means of whole levels lie halfway between two of them all the time (resizing by a whole factor makes
little else), and which of the two is nearer is then a matter of the last digit, which depends on
the number of threads and the device. So what is nearly halfway counts as halfway, and goes up.
"""

import torch

from bigpicture.shapes import Float, Tensor

__all__ = ["to_levels"]

_NEARLY = 1e-4  # of a level: far above the error of float32, far below what can be seen


def to_levels(image: Float[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
    """Return the levels 0, 1, …, 255 of a picture in [0, 1]; values beyond are clipped.

    >>> to_levels(torch.tensor([0.5 / 255 - 1e-12, 0.4 / 255, 2.0]).view(1, 1, 3)).flatten()
    tensor([  1.,   0., 255.])
    """
    return torch.floor(image * 255 + (0.5 + _NEARLY)).clamp(0, 255)
