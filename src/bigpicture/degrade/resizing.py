"""Resizing to a size that is given relative to the low-resolution result.

    (c, H, W) ──▶ (c, ⌊ρ·h⌋, ⌊ρ·w⌋)     (h, w) the result's size, ρ = 1 reaches it

Relative sizes let the chain reach the result's size exactly, whatever happened before.
"""

import math
from dataclasses import dataclass
from typing import Literal

from torch.nn import functional as F

from bigpicture.degrade import kernels
from bigpicture.degrade.blur import convolve
from bigpicture.degrade.recorded import Recorded
from bigpicture.image.resize import resize
from bigpicture.shapes import Float, Tensor

__all__ = ["METHODS", "Method", "Resize", "Subsample"]

Method = Literal["area", "bilinear", "bicubic", "imresize"]
METHODS: tuple[Method, ...] = ("area", "bilinear", "bicubic")
"""The methods that are drawn, with equal probabilities."""


@dataclass(frozen=True)
class Resize(Recorded):
    """Resizing as common programs do it, mostly without antialiasing.

    Attributes:
        method: `area` is the mean of the covered pixels; `bilinear` and `bicubic` (Keys with
            a = −0.75) read 2 × 2 and 4 × 4 pixels, however much smaller the result is; `imresize`
            is MATLAB's bicubic, which is antialiased.
        ratio: Size relative to the low-resolution result.
    """

    method: Method
    ratio: int | float
    kind: Literal["resize"] = "resize"

    def apply(self, image: Float[Tensor, "c h w"], low: tuple[int, int]) -> Float[Tensor, "c H W"]:
        """Return the picture resized and clipped to [0, 1], or unchanged if it has the size."""
        height, width = size = [max(1, math.floor(side * self.ratio)) for side in low]
        if list(image.shape[-2:]) == size:
            return image
        if self.method == "imresize":
            return resize(image, size=(height, width)).clamp(0, 1)
        corners = None if self.method == "area" else False
        resized = F.interpolate(image[None], size, mode=self.method, align_corners=corners)[0]
        return resized.clamp(0, 1)


@dataclass(frozen=True)
class Subsample(Recorded):
    """A Gaussian around the centre of each cell of pixels: one sample per cell, without a shift.

    Attributes:
        sigma: Width of the Gaussian in pixels.
        step: Side of a cell.
        size: Side of the kernel, odd.
    """

    sigma: int | float
    step: int
    size: int = 25
    kind: Literal["subsample"] = "subsample"

    def apply(self, image: Float[Tensor, "c h w"], low: tuple[int, int]) -> Float[Tensor, "c H W"]:
        """Return one pixel for each cell, including those cut by the border."""
        centre = (self.step - 1) / 2
        kernel = kernels.gaussian(self.size, (self.sigma, self.sigma), offset=centre)
        return convolve(image, kernel)[..., :: self.step, :: self.step].clamp(0, 1)
