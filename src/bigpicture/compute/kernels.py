"""Convolve a batch with a kernel of its own for each image.

    x (b, c, h, w), kernels (b, d, c, k, k) → (b, d, h, w)

The usual way is one convolution with b groups. On a CPU its narrow groups run at a fraction of
the speed of an ordinary convolution, and channels-last memory has to be rearranged for it; so
there, each image is convolved on its own. A batch of one is an ordinary convolution everywhere.
Compilers and exporters, which would unroll a loop, get the groups.
"""

from typing import NamedTuple

import torch
from torch.nn import functional as F

from bigpicture.compute.precision import match_autocast
from bigpicture.shapes import Float, Tensor

__all__ = [
    "Geometry",
    "conv2d_per_image",
    "in_groups",
    "input_gradient",
    "shared_kernel_gradient",
]


class Geometry(NamedTuple):
    """How a kernel walks: zero `padding` on every side and the `dilation` between its taps."""

    padding: int
    dilation: int = 1


def conv2d_per_image(
    x: Float[Tensor, "b c h w"], kernels: Float[Tensor, "b d c k k"], geometry: Geometry
) -> Float[Tensor, "b d y x"]:
    """Return each image convolved with its own kernel, differentiable in both."""
    x, kernels = match_autocast(x, kernels)
    if in_groups(x):
        return _grouped(x, kernels, geometry)
    if len(x) == 1:
        return F.conv2d(x, kernels[0], None, 1, *geometry)
    # as the pictures lie in memory, so that no call has to rearrange its kernel
    if x.is_contiguous(memory_format=torch.channels_last):
        kernels = kernels.movedim(2, -1).contiguous().movedim(-1, 2)
    pairs = zip(x.split(1), kernels.unbind(), strict=True)
    return torch.cat([F.conv2d(image, own, None, 1, *geometry) for image, own in pairs])


def input_gradient(
    grad: Float[Tensor, "b d y x"], kernels: Float[Tensor, "b d c k k"], geometry: Geometry
) -> Float[Tensor, "b c h w"]:
    """Return the gradient for the images of `conv2d_per_image`, whose gradient is `grad`.

    It is a convolution itself: with the kernels turned by 180°, from their outputs to their inputs.
    """
    turned = kernels.flip(3, 4).transpose(1, 2)
    padding = geometry.dilation * (kernels.shape[-1] - 1) - geometry.padding
    return conv2d_per_image(grad, turned, Geometry(padding, geometry.dilation))


def in_groups(x: Tensor) -> bool:
    """Return whether `conv2d_per_image` runs images as groups of one convolution.

    What it returns is a view then.
    """
    return torch.compiler.is_compiling() or x.device.type != "cpu"


def _grouped(x: Tensor, kernels: Tensor, geometry: Geometry) -> Tensor:
    images, channels, height, width = x.shape
    stacked = x.reshape(1, images * channels, height, width)
    y = F.conv2d(stacked, kernels.flatten(0, 1), None, 1, *geometry, groups=images)
    return y.reshape(images, -1, *y.shape[-2:])


def shared_kernel_gradient(
    grad: Float[Tensor, "b d y x"], x: Float[Tensor, "b c h w"], kernel: Tensor, geometry: Geometry
) -> Float[Tensor, "d c k k"]:
    """Return the gradient for one `kernel` that all images share: the sum over their own."""
    padding, dilation = ([size] * 2 for size in geometry)
    return torch.ops.aten.convolution_backward.default(
        grad, x, kernel, None, [1, 1], padding, dilation, False, [0, 0], 1, [False, True, False]
    )[1]
