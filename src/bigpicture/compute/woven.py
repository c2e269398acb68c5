"""A batch of small images woven into one: in memory, their pixels alternate.

    batch     (b, c, h, w)       the images
    fabric    (1, c, h, w·b)     one image, in which b adjacent columns are one column of each image
    groups    (1, b·c, h, w)     one image with the channels of all

For a woven batch, all three are views of the same memory (h, w, b, c). Operations on single pixels
can take the fabric for the batch; so can a convolution with a shared kernel, if it steps b columns
instead of one. In the form of groups, a CPU convolves each image with its own kernel in hardly more
time than all images with the same kernel.
"""

import torch

from bigpicture.shapes import Float, Tensor

__all__ = ["as_batch", "as_groups", "is_woven", "pays_to_weave", "weave"]

_CROP = 48**2
"""Most pixels of an image for which a convolution hardly takes longer than its call overhead."""

_CACHE = 12 * 2**20
"""Most bytes of a batch, input and output, that stay in the cache in any memory order."""


def pays_to_weave(x: Float[Tensor, "b c h w"], c_out: int) -> bool:
    """Return whether groups of woven images are faster than one convolution per image.

    Args:
        x: The batch.
        c_out: Output channels of the convolution.
    """
    images, channels, height, width = x.shape
    return (
        images > 1
        and x.device.type == "cpu"
        and not torch.compiler.is_compiling()
        and height * width <= _CROP
        and images * height * width * (channels + c_out) * x.element_size() <= _CACHE
        and x.is_contiguous(memory_format=torch.channels_last)
    )


def weave(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "1 c h _"]:
    """Return a batch as a fabric: a view of a woven batch, else a copy.

    >>> pair = torch.tensor([[[[1.0, 2.0]]], [[[5.0, 6.0]]]])
    >>> weave(pair)
    tensor([[[[1., 5., 2., 6.]]]])
    """
    _, channels, height, _ = x.shape
    # reshaped with channels last, so that PyTorch recognises the memory format of the result
    pixels = x.permute(2, 3, 0, 1).reshape(1, height, -1, channels).contiguous()
    return pixels.permute(0, 3, 1, 2)


def as_batch(fabric: Float[Tensor, "1 c h _"], images: int) -> Float[Tensor, "b c h w"]:
    """Return the batch of `images` that is woven into `fabric`, as a view.

    >>> as_batch(torch.tensor([[[[1.0, 5.0, 2.0, 6.0]]]]), 2)[1]
    tensor([[[5., 6.]]])
    """
    _, channels, height, _ = fabric.shape
    return fabric.permute(0, 2, 3, 1).view(height, -1, images, channels).permute(2, 3, 0, 1)


def as_groups(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "1 _ h w"]:
    """Return a batch as one image with the channels of all: a view if it is woven, else a copy."""
    _, _, height, width = x.shape
    return x.permute(2, 3, 0, 1).reshape(1, height, width, -1).permute(0, 3, 1, 2)


def is_woven(x: Tensor) -> bool:
    """Return whether a batch of several images has the memory order of `weave`.

    While compiling, always False, since compilers choose their own memory order.
    """
    if torch.compiler.is_compiling() or len(x) == 1:
        return False
    return x.permute(2, 3, 0, 1).is_contiguous()
