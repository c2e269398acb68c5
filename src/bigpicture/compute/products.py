"""Products of many rows and one small matrix, at the speed of convolutions.

    x (n, c), weight (d, c) → x weightᵀ + bias (n, d)

On a CPU, PyTorch computes float32 matrix products with MKL, which on AMD CPUs runs at half the
speed of oneDNN, which computes the convolutions. A 1×1 convolution is the same product, so the rows
are passed as the pixels of pictures, without a copy.
"""

import torch
from torch.nn import functional as F

from bigpicture.compute.precision import autocasts
from bigpicture.shapes import Float, Tensor

__all__ = ["linear"]

_PICTURES = 16  # with this many pictures or more, PyTorch uses oneDNN even with one thread


def linear(
    x: Float[Tensor, "n c"], weight: Float[Tensor, "d c"], bias: Float[Tensor, " d"] | None = None
) -> Float[Tensor, "n d"]:
    """Compute `F.linear`, differentiable in all arguments."""
    rows, width = x.shape
    if not _is_convolved_faster(x) or rows < 2 * _PICTURES:
        return F.linear(x, weight, bias)
    pictures = _PICTURES if rows % _PICTURES == 0 else 1
    pixels = x.reshape(pictures, 1, rows // pictures, width).permute(0, 3, 1, 2)
    y = F.conv2d(pixels, weight[..., None, None], bias)
    return y.permute(0, 2, 3, 1).reshape(rows, -1)


def _is_convolved_faster(x: Tensor) -> bool:
    return (
        not torch.compiler.is_compiling()
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not autocasts("cpu")
        and torch.backends.mkldnn.is_available()
    )
