"""The vocabulary of shape annotations such as `Float[Tensor, "b c h w"]`.

    b   images in a batch
    c   channels of a picture (1 gray, 3 RGB) or of features; d where the count changes
    h w height and width of the low-resolution grid
    H W height and width of the high-resolution grid
    r   integer enlargement of each side, H = r·h
    k   side of a convolution's kernel, or of the grid that a context is pooled to

Pictures are RGB or gray floats in [0, 1] at every public interface.
"""

from jaxtyping import Bool, Float, UInt8, UInt16
from torch import Tensor

__all__ = ["Bool", "Float", "Tensor", "UInt8", "UInt16"]
