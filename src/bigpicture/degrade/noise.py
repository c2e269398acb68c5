"""Noise, generated from the seed in its record.

    (c, h, w) ──+ noise(seed), clipped──▶ (c, h, w) in [0, 1]

Deviations are in 8-bit units, as in the papers. The random numbers are always generated on the CPU,
because a GPU's generator would give different ones.

Source: Zhang et al. (BSRGAN), sec. 3.3, https://arxiv.org/abs/2103.14006
    Wang et al. (Real-ESRGAN), sec. 3.1 and the published code, https://arxiv.org/abs/2107.10833
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch

from bigpicture.degrade.levels import to_levels
from bigpicture.degrade.recorded import Recorded
from bigpicture.shapes import Float, Tensor

__all__ = ["CorrelatedNoise", "GaussianNoise", "PoissonNoise"]

_GRAY = (0.2989, 0.587, 0.114)  # weights of R, G, B in gray (Rec. 601)
Row = tuple[int | float, int | float, int | float]


@dataclass(frozen=True)
class GaussianNoise(Recorded):
    """Normal noise, independent from pixel to pixel, like that of electronics.

    Attributes:
        sigma: Standard deviation, in 8-bit units.
        gray: Whether all channels get the same noise.
        seed: Seed of the random numbers.
    """

    sigma: int | float
    gray: bool
    seed: int
    kind: Literal["gaussian_noise"] = "gaussian_noise"

    def apply(self, image: Float[Tensor, "c h w"], low: tuple[int, int]) -> Float[Tensor, "c h w"]:
        """Return the noisy picture."""
        channels = 1 if self.gray else len(image)
        noise = _normal((channels, *image.shape[1:]), self.seed)
        return (image + self.sigma / 255 * noise.to(image)).clamp(0, 1)


@dataclass(frozen=True)
class CorrelatedNoise(Recorded):
    """Normal noise that is correlated between channels, as after a camera's colour matrix.

    Attributes:
        mixing: A 3 × 3 matrix M, in 8-bit units: the noise of a pixel is M z, z standard normal,
            so its covariance is M Mᵀ. A gray picture uses the first row only.
        seed: Seed of the random numbers.
    """

    mixing: tuple[Row, Row, Row]
    seed: int
    kind: Literal["correlated_noise"] = "correlated_noise"

    def apply(self, image: Float[Tensor, "c h w"], low: tuple[int, int]) -> Float[Tensor, "c h w"]:
        """Return the noisy picture."""
        mixing = torch.tensor(self.mixing, dtype=torch.float64)[: len(image)]
        noise = torch.tensordot(mixing, _normal((3, *image.shape[1:]), self.seed), 1)
        return (image + noise.to(image) / 255).clamp(0, 1)


@dataclass(frozen=True)
class PoissonNoise(Recorded):
    """Photon noise, whose variance grows with the brightness.

    A picture with n distinct levels represents counts up to v = 2^⌈log₂ n⌉, as in the published
    code: noise = scale · (Poisson(v · picture) / v − picture).

    Attributes:
        scale: Factor of the noise.
        gray: Whether the noise is that of the gray picture, the same in all channels.
        seed: Seed of the random numbers.
    """

    scale: int | float
    gray: bool
    seed: int
    kind: Literal["poisson_noise"] = "poisson_noise"

    def apply(self, image: Float[Tensor, "c h w"], low: tuple[int, int]) -> Float[Tensor, "c h w"]:
        """Return the noisy picture."""
        bright = image.cpu().double()
        if self.gray and len(bright) == 3:
            bright = torch.tensordot(torch.tensor([_GRAY], dtype=bright.dtype), bright, 1)
        # Use whole levels, so that a GPU's last digits do not change the counts.
        levels = to_levels(bright)
        different = int(torch.bincount(levels.flatten().int(), minlength=256).count_nonzero())
        most = 2 ** math.ceil(math.log2(different))
        generator = torch.Generator().manual_seed(self.seed)
        counted = torch.poisson(levels / 255 * most, generator=generator)
        noise = counted / most - levels / 255
        return (image + self.scale * noise.to(image)).clamp(0, 1)


def _normal(shape: tuple[int, ...], seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)
