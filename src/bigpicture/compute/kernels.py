"""Convolve each image of a batch with its own kernel.

    x (b, c, h, w), kernels (b, d, c, k, k) → (b, d, h, w)

The usual way is one convolution with b groups. On a CPU, its narrow groups run at a fraction of the
speed of an ordinary convolution, unless the images are woven (`bigpicture.compute.woven`). If they
are not, each is convolved separately there. A batch of one is an ordinary convolution everywhere.
Compilers and exporters, which would unroll a loop, get the groups.
"""

from typing import NamedTuple

import torch
from torch.nn import functional as F

from bigpicture.compute.precision import match_autocast
from bigpicture.compute.woven import as_groups, is_woven, weave
from bigpicture.shapes import Float, Tensor

__all__ = [
    "Geometry",
    "biased",
    "conv2d_per_image",
    "in_groups",
    "input_gradient",
    "shared_kernel_gradient",
]


class Geometry(NamedTuple):
    """Geometry of a convolution: zero `padding` on every side and `dilation` between taps."""

    padding: int
    dilation: int = 1


def conv2d_per_image(
    x: Float[Tensor, "b c h w"], kernels: Float[Tensor, "b d c k k"], geometry: Geometry
) -> Float[Tensor, "b d y x"]:
    """Convolve each image with its own kernel, differentiably in both.

    If the images are woven, so is the result.
    """
    x, kernels = match_autocast(x, kernels)
    if in_groups(x):
        y = F.conv2d(_joined(x), kernels.flatten(0, 1), None, 1, *geometry, groups=len(x))
        return y.reshape(len(x), -1, *y.shape[-2:])
    if len(x) == 1:
        return F.conv2d(x, kernels[0], None, 1, *geometry)
    pairs = zip(x.split(1), _laid_like(x, kernels).unbind(), strict=True)
    return torch.cat([F.conv2d(image, own, None, 1, *geometry) for image, own in pairs])


def biased(y: Float[Tensor, "b d y x"], bias: Float[Tensor, " d"] | None) -> Tensor:
    """Return `y` plus a bias for each channel, if any, in the dtype of `y`."""
    return y if bias is None else y + bias.to(y.dtype).view(-1, 1, 1)


def input_gradient(
    grad: Float[Tensor, "b d y x"],
    x: Float[Tensor, "b c h w"],
    kernels: Float[Tensor, "b d c k k"],
    geometry: Geometry,
) -> Float[Tensor, "b c h w"]:
    """Return the gradient of `conv2d_per_image` for the images `x`, given that of its result."""
    padding, dilation = ([size] * 2 for size in geometry)
    if in_groups(x):
        joined = (_joined(grad), _joined(x), kernels.flatten(0, 1))
        return _gradient(*joined, padding, dilation, len(x), of_kernel=False).view_as(x)
    images = zip(grad.split(1), x.split(1), _laid_like(x, kernels).unbind(), strict=True)
    return torch.cat([_gradient(*image, padding, dilation, of_kernel=False) for image in images])


def shared_kernel_gradient(
    grad: Float[Tensor, "b d y x"], x: Float[Tensor, "b c h w"], kernel: Tensor, geometry: Geometry
) -> Float[Tensor, "d c k k"]:
    """Return the gradient for one `kernel` shared by all images: the sum over the images."""
    padding, dilation = ([size] * 2 for size in geometry)
    if is_woven(x):
        padding[1] *= len(x)
        dilation[1] *= len(x)
        grad, x = weave(grad), weave(x)
    return _gradient(grad, x, kernel, padding, dilation, of_kernel=True)


def in_groups(x: Tensor) -> bool:
    """Return whether `conv2d_per_image` runs the images as groups of one convolution.

    Its result is then a view.
    """
    return torch.compiler.is_compiling() or x.device.type != "cpu" or is_woven(x)


def _joined(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "1 _ h w"]:
    """Return a batch as one image with the channels of all, without a copy if it is woven."""
    return as_groups(x) if is_woven(x) else x.reshape(1, -1, *x.shape[-2:])


def _laid_like(x: Tensor, kernels: Float[Tensor, "b d c k k"]) -> Float[Tensor, "b d c k k"]:
    """Return kernels in the memory format of `x`, so that no convolution has to reorder its own."""
    if x.is_contiguous(memory_format=torch.channels_last):
        return kernels.movedim(2, -1).contiguous().movedim(-1, 2)
    return kernels


def _gradient(
    grad: Tensor,
    x: Tensor,
    kernel: Tensor,
    padding: list[int],
    dilation: list[int],
    groups: int = 1,
    *,
    of_kernel: bool,
) -> Tensor:
    """Return a convolution's gradient for `x`, or for `kernel`, whose values do not matter then."""
    wanted = [not of_kernel, of_kernel, False]
    return torch.ops.aten.convolution_backward.default(
        grad, x, kernel, None, [1, 1], padding, dilation, False, [0, 0], groups, wanted
    )[of_kernel]
