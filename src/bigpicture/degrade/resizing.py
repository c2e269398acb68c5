"""Resizing to a size that is given relative to the low-resolution result.

    (c, H, W) ──▶ (c, ⌊ρ·h⌋, ⌊ρ·w⌋)     (h, w) the result's size, ρ = 1 reaches it

Relative sizes let the chain reach the result's size exactly, whatever happened before.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional as F

from bigpicture.degrade import kernels
from bigpicture.degrade.bi import whole_pixels
from bigpicture.degrade.blur import convolve
from bigpicture.degrade.recorded import Recorded
from bigpicture.image.resize import resize
from bigpicture.shapes import Float, Tensor

__all__ = ["Method", "Resize", "Subsample"]

Method = Literal["area", "coverage", "bilinear", "bicubic", "imresize"]


@dataclass(frozen=True)
class Resize(Recorded):
    """Resizing as common programs do it, mostly without antialiasing.

    Attributes:
        method: `area` is the mean of all pixels that an output pixel touches, PyTorch's `area`;
            `coverage` weights them by the part of each that it covers, OpenCV's `INTER_AREA`;
            `bilinear` and `bicubic` (Keys with a = −0.75) read 2 × 2 and 4 × 4 pixels, however much
            smaller the result is; `imresize` is MATLAB's bicubic, which is antialiased.
        ratio: Size relative to the low-resolution result.

    Raises:
        ValueError: If `ratio` is not positive or not finite.
    """

    method: Method
    ratio: int | float
    kind: Literal["resize"] = "resize"

    def __post_init__(self) -> None:
        if not 0 < self.ratio < math.inf:
            raise ValueError(f"ratio is {self.ratio}; give a positive number, 1 for the final size")

    def apply(self, image: Float[Tensor, "c h w"], low: tuple[int, int]) -> Float[Tensor, "c H W"]:
        """Return the picture resized, or unchanged if it has the size.

        With `bicubic` and `imresize`, values may leave [0, 1].
        """
        height, width = size = [max(1, whole_pixels(side * self.ratio)) for side in low]
        if list(image.shape[-2:]) == size:
            return image
        if self.method == "imresize":
            return resize(image, size=(height, width))
        if self.method == "coverage":
            return _covered(_covered(image, width).mT, height).mT
        corners = None if self.method == "area" else False
        return F.interpolate(image[None], size, mode=self.method, align_corners=corners)[0]


def _covered(image: Float[Tensor, "c h w"], width: int) -> Float[Tensor, "c h v"]:
    """Return the mean of each row over each of `width` equal parts, which may cut pixels.

    The mean over a part is the difference of the integrals up to its ends.
    """
    pixels = image.shape[-1]
    ends = torch.arange(width + 1, device=image.device) * pixels  # in pixels / width
    whole, cut = ends // width, (ends % width).to(image) / width
    before = F.pad(image.cumsum(-1), (1, 0))
    integrals = before[..., whole] + cut * F.pad(image, (0, 1))[..., whole]
    return integrals.diff(dim=-1) * (width / pixels)


@dataclass(frozen=True)
class Subsample(Recorded):
    """A Gaussian around the centre of each cell of pixels: one sample per cell, without a shift.

    Attributes:
        sigma: Width of the Gaussian in pixels.
        step: Side of a cell.
        size: Side of the kernel, odd.

    Raises:
        ValueError: If `sigma` is not positive or `step` is below 1.
    """

    sigma: int | float
    step: int
    size: int = 25
    kind: Literal["subsample"] = "subsample"

    def __post_init__(self) -> None:
        kernels.check_positive("sigma", self.sigma)
        if self.step < 1:
            raise ValueError(f"step is {self.step}; give the side of a cell, at least 1")

    def apply(self, image: Float[Tensor, "c h w"], low: tuple[int, int]) -> Float[Tensor, "c H W"]:
        """Return one pixel for each cell, including those cut by the border."""
        centre = (self.step - 1) / 2
        kernel = kernels.gaussian(self.size, (self.sigma, self.sigma), offset=centre)
        return convolve(image, kernel)[..., :: self.step, :: self.step]
