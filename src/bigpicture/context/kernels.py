"""Convolve a batch with a kernel of its own for each image.

    x (b, c, h, w), kernels (b, d, c, k, k) → (b, d, h, w)

The usual way is one convolution with b groups. On a CPU its narrow groups run at a fraction of
the speed of an ordinary convolution, and channels-last memory has to be rearranged for it; so
there, each image is convolved on its own, with a backward pass that does the same. A batch of one
is an ordinary convolution everywhere. Compilers and exporters, which would unroll a loop, get the
groups.
"""

from typing import Any, NamedTuple

import torch
from torch.autograd import Function
from torch.nn import functional as F

from bigpicture.shapes import Float, Tensor

__all__ = [
    "Geometry",
    "conv2d_per_image",
    "convolve_images",
    "input_gradients",
    "kernel_gradient",
    "match_autocast",
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
    if torch.compiler.is_compiling() or x.device.type != "cpu":
        return _grouped(x, kernels, geometry)
    if len(x) == 1:
        return F.conv2d(x, kernels[0], None, 1, *geometry)
    return _PerImage.apply(x, kernels, geometry)  # pyright: ignore[reportReturnType]


def match_autocast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return `tensors` in the precision that autocast, where it is on, gives a convolution."""
    device = tensors[0].device.type
    if not torch.is_autocast_enabled(device):
        return tensors
    dtype = torch.get_autocast_dtype(device)
    return tuple(tensor.to(dtype) for tensor in tensors)


def _grouped(x: Tensor, kernels: Tensor, geometry: Geometry) -> Tensor:
    images, channels, height, width = x.shape
    stacked = x.reshape(1, images * channels, height, width)
    y = F.conv2d(stacked, kernels.flatten(0, 1), None, 1, *geometry, groups=images)
    return y.reshape(images, -1, *y.shape[-2:])


def convolve_images(x: Tensor, kernels: Tensor, geometry: Geometry) -> Tensor:
    """Return the images convolved one by one, outside of autograd."""
    pairs = zip(x.split(1), kernels.unbind(), strict=True)
    return torch.cat([torch.conv2d(image, own, None, 1, *geometry) for image, own in pairs])


def input_gradients(grad: Tensor, x: Tensor, kernels: Tensor, geometry: Geometry) -> Tensor:
    """Return the gradient for `x`, from the gradient for the output and each image's kernel."""
    images = zip(grad.split(1), x.split(1), kernels.unbind(), strict=True)
    return torch.cat([_gradient(above, image, own, geometry, of=0) for above, image, own in images])


def _gradient(grad: Tensor, x: Tensor, kernel: Tensor, geometry: Geometry, of: int) -> Tensor:
    """Return the gradient of one convolution for its input (`of` 0) or its kernel (1)."""
    padding, dilation = ([size] * 2 for size in geometry)
    mask = [of == 0, of == 1, False]
    return torch.ops.aten.convolution_backward.default(
        grad, x, kernel, None, [1, 1], padding, dilation, False, [0, 0], 1, mask
    )[of]


def kernel_gradient(grad: Tensor, x: Tensor, kernel: Tensor, geometry: Geometry) -> Tensor:
    """Return the gradient for one kernel that all images of `x` share."""
    return _gradient(grad, x, kernel, geometry, of=1)


class _PerImage(Function):
    """The loop over images, with its gradients for images and kernels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernels: Tensor, geometry: Geometry) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, kernels)
        ctx.geometry = geometry
        return convolve_images(x, kernels, geometry)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401  # pyright: ignore[reportIncompatibleMethodOverride]
        x, kernels = ctx.saved_tensors
        geometry = ctx.geometry
        for_x = for_kernels = None
        if ctx.needs_input_grad[0]:
            for_x = input_gradients(grad, x, kernels, geometry)
        if ctx.needs_input_grad[1]:
            images = zip(grad.split(1), x.split(1), kernels.unbind(), strict=True)
            for_kernels = torch.stack([kernel_gradient(*one, geometry) for one in images])
        return for_x, for_kernels, None
