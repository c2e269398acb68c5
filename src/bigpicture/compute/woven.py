"""A batch of small images woven into one: in memory, their pixels lie side by side.

    batch     (b, c, h, w)       the images
    fabric    (1, c, h, w·b)     one image, of which each b columns are one column of all of them
    groups    (1, b·c, h, w)     one image with the channels of all

Of a woven batch, all three are views of the same memory (h, w, b, c). What works on single pixels
can take the fabric for the batch, and so can a convolution that all images share, if it walks b
columns where it would walk one. As groups, a CPU convolves each image with a kernel of its own in
hardly more time than all of them with the same one.
"""

import torch

from bigpicture.shapes import Float, Tensor

__all__ = ["as_batch", "as_groups", "is_woven", "pays_to_weave", "weave"]

_CROP = 48**2
"""Pixels of an image up to which a convolution does not take much longer than the call for it."""

_CACHE = 12 * 2**20
"""Bytes of a batch, before and after a convolution, that stay in the cache however they lie."""


def pays_to_weave(x: Float[Tensor, "b c h w"], c_out: int) -> bool:
    """Return whether groups of woven images are faster than a convolution for each of them.

    Args:
        x: The batch.
        c_out: Channels that the convolution makes of it.
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
    """Return a batch as a fabric: of a woven one a view, else a copy.

    >>> pair = torch.tensor([[[[1.0, 2.0]]], [[[5.0, 6.0]]]])
    >>> weave(pair)
    tensor([[[[1., 5., 2., 6.]]]])
    """
    _, channels, height, _ = x.shape
    # split and joined with the channels last, whence PyTorch sees how the result lies in memory
    pixels = x.permute(2, 3, 0, 1).reshape(1, height, -1, channels).contiguous()
    return pixels.permute(0, 3, 1, 2)


def as_batch(fabric: Float[Tensor, "1 c h _"], images: int) -> Float[Tensor, "b c h w"]:
    """Return the batch of so many images that is woven into `fabric`, a view.

    >>> as_batch(torch.tensor([[[[1.0, 5.0, 2.0, 6.0]]]]), 2)[1]
    tensor([[[5., 6.]]])
    """
    _, channels, height, _ = fabric.shape
    return fabric.permute(0, 2, 3, 1).view(height, -1, images, channels).permute(2, 3, 0, 1)


def as_groups(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "1 _ h w"]:
    """Return a batch as one image with the channels of all: of a woven one a view, else a copy."""
    _, _, height, width = x.shape
    return x.permute(2, 3, 0, 1).reshape(1, height, width, -1).permute(0, 3, 1, 2)


def is_woven(x: Tensor) -> bool:
    """Return whether a batch of several images lies in memory as `weave` lays it.

    Compilers lay things as they like, so to them nothing is.
    """
    if torch.compiler.is_compiling() or len(x) == 1:
        return False
    return x.permute(2, 3, 0, 1).is_contiguous()
