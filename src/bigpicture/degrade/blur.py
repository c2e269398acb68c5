"""Blur: a picture convolved with one drawn kernel, its border mirrored.

    (c, H, W) ──mirror k/2──▶ ──· in the Fourier domain──▶ (c, H, W)     every channel alike

Kernels of up to 25 × 25 pixels are ten times faster as a product of Fourier transforms than as
sums over windows.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch

from bigpicture.degrade import kernels
from bigpicture.degrade.recorded import Recorded
from bigpicture.layers.pad import mirror_to
from bigpicture.shapes import Float, Tensor

__all__ = ["Bell", "Blur", "Family", "Sinc", "convolve"]

Family = Literal["gaussian", "generalised", "plateau"]

_FAST = 16  # sides of Fourier transforms are rounded up to this: a large prime takes longer


@dataclass(frozen=True)
class Bell(Recorded):
    """A kernel that falls off from its centre.

    Attributes:
        kind: Which of the families, see `bigpicture.degrade.kernels`.
        size: Side in pixels, odd.
        sigma: Widths along the two axes, in pixels.
        rotation: Angle of the first axis, in radians.
        beta: Shape of the generalised Gaussian and the plateau; the Gaussian has none.
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
        cutoff: In radians a pixel.
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
        """Return the blurred picture; a sinc's may leave [0, 1]."""
        return convolve(image, self.kernel.values())


def convolve(image: Float[Tensor, "c h w"], kernel: kernels.Kernel) -> Float[Tensor, "c h w"]:
    """Return the weighted sum of pixels around each, beyond the border of the mirrored picture.

    Args:
        image: In any float type, which the result has too.
        kernel: Weights (k, k), k odd: the first is that of the pixel k/2 up and left.
    """
    h, w = image.shape[-2:]
    reach = kernel.shape[-1] // 2
    # Mirrored below and right twice as far, then moved: the same as on all four sides.
    mirrored = mirror_to(image.flip(-2, -1)[None], h + reach, w + reach)[0].flip(-2, -1)
    mirrored = mirror_to(mirrored[None], h + 2 * reach, w + 2 * reach)[0]
    sides = [_FAST * math.ceil(side / _FAST) for side in mirrored.shape[-2:]]
    # A product of transforms turns the kernel around; turned before, it is not.
    weights = kernel.flip(0, 1).to(image)
    spectrum = torch.fft.rfft2(mirrored, s=sides) * torch.fft.rfft2(weights, s=sides)
    wrapped = torch.fft.irfft2(spectrum, s=sides)
    return wrapped[..., 2 * reach : 2 * reach + h, 2 * reach : 2 * reach + w]
