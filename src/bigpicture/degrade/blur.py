"""Blur: convolution of a picture with one drawn kernel, mirrored at the border.

    (c, H, W) ──mirror k/2──▶ ──· in the Fourier domain──▶ (c, H, W)     every channel alike

For kernels of up to 25 × 25 pixels, multiplying Fourier transforms is ten times faster than summing
over windows.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional as F

from bigpicture.compute.pad import mirror_to
from bigpicture.degrade import kernels
from bigpicture.degrade.recorded import Recorded
from bigpicture.shapes import Float, Tensor

__all__ = ["Bell", "Blur", "Family", "Sinc", "convolve"]

Family = Literal["gaussian", "generalised", "plateau"]


@dataclass(frozen=True)
class Bell(Recorded):
    """A kernel that falls off from its centre.

    Attributes:
        kind: Family of the kernel, see `bigpicture.degrade.kernels`.
        size: Side in pixels, odd.
        sigma: Widths along the two axes, in pixels.
        rotation: Angle of the first axis, in radians.
        beta: Shape of the generalised Gaussian and the plateau; the Gaussian ignores it.
    """

    kind: Family
    size: int
    sigma: tuple[int | float, int | float]
    rotation: int | float = 0.0
    beta: int | float = 1.0

    def values(self) -> kernels.Kernel:
        """Return the kernel."""
        if self.kind == "gaussian":
            return kernels.gaussian(self.size, self.sigma, self.rotation)
        family = kernels.plateau if self.kind == "plateau" else kernels.generalised_gaussian
        return family(self.size, self.sigma, self.rotation, self.beta)


@dataclass(frozen=True)
class Sinc(Recorded):
    """An ideal low-pass filter, which rings.

    Attributes:
        size: Side in pixels, odd.
        cutoff: Cutoff frequency, in radians per pixel.
    """

    size: int
    cutoff: int | float
    kind: Literal["sinc"] = "sinc"

    def values(self) -> kernels.Kernel:
        """Return the kernel."""
        return kernels.sinc(self.size, self.cutoff)


@dataclass(frozen=True)
class Blur(Recorded):
    """Convolution with a kernel."""

    kernel: Bell | Sinc
    kind: Literal["blur"] = "blur"

    def apply(self, image: Float[Tensor, "c h w"], low: tuple[int, int]) -> Float[Tensor, "c h w"]:
        """Return the blurred picture; with a sinc, values may leave [0, 1]."""
        return convolve(image, self.kernel.values())


def convolve(image: Float[Tensor, "c h w"], kernel: kernels.Kernel) -> Float[Tensor, "c h w"]:
    """Return the weighted sum of the pixels around each pixel, mirrored at the border.

    Args:
        image: The picture, in any float type; the result has the same type.
        kernel: Weights (k, k), k odd; the first belongs to the pixel k // 2 up and k // 2 left.
    """
    h, w = image.shape[-2:]
    reach = kernel.shape[-1] // 2
    mirrored = _mirrored(image, reach)
    sides = [_fast(side) for side in mirrored.shape[-2:]]
    # Multiplying transforms flips the kernel; flip it first to undo that.
    weights = kernel.flip(0, 1).to(image)
    spectrum = torch.fft.rfft2(mirrored, s=sides) * torch.fft.rfft2(weights, s=sides)
    wrapped = torch.fft.irfft2(spectrum, s=sides)
    return wrapped[..., 2 * reach : 2 * reach + h, 2 * reach : 2 * reach + w]


def _mirrored(image: Float[Tensor, "c h w"], reach: int) -> Float[Tensor, "c H W"]:
    """Extend the picture by `reach` on all sides, mirroring it as often as needed."""
    h, w = image.shape[-2:]
    if reach < min(h, w):
        return F.pad(image[None], [reach] * 4, mode="reflect")[0]
    # Extend below and on the right, rotate by 180°, and repeat: this covers all four sides.
    for height, width in ((h + reach, w + reach), (h + 2 * reach, w + 2 * reach)):
        image = mirror_to(image[None], height, width)[0].flip(-2, -1)
    return image


def _fast(side: int) -> int:
    """Return the next length without prime factors above 5, for which Fourier transforms are fast.

    >>> _fast(8), _fast(416), _fast(523)
    (8, 432, 540)
    """
    while True:
        rest = side
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return side
        side += 1
