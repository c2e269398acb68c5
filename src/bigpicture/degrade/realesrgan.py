"""Real-ESRGAN: two passes of blur, resizing, noise and compression, and a final sinc.

    generator, scale ──draw──▶ Chain: (blur · resize · noise · JPEG)
                               (blur · resize · noise) · [resize · sinc, JPEG], in either order

As published:

                     first pass                        second pass
    blur             always                            0.8
      kernels        k = 7, 9, …, 21: sinc 0.1; else Gaussian isotropic 0.45, anisotropic 0.25,
                     generalised 0.12 and 0.03 (β 0.5 … 4), plateau 0.12 and 0.03 (β 1 … 2)
      σ              0.2 … 3                           0.2 … 1.5
    larger, smaller  0.2 to 1.5, 0.7 down to 0.15      0.3 to 1.2, 0.4 down to 0.3
    noise            normal ½, σ 1 … 30; Poisson ½,    σ 1 … 25; scale 0.05 … 2.5
                     scale 0.05 … 3; gray 0.4
    JPEG             quality 30 … 95                   quality 30 … 95
    final sinc                                         0.8

β is drawn from below 1 (for a plateau, it is 1) or from above 1, with equal probability. A sinc's
cutoff is π/3 … π, or π/5 … π for kernels of 13 pixels and more, except in the final sinc. Resizing
uses area averaging, bilinear or bicubic interpolation, each with probability ⅓. In the second pass,
factors are relative to the size of the result. Only noise and JPEG clip: what a sinc or a bicubic
resizing before them leaves beyond [0, 1] is kept until then.

Source: Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic
    Data", ICCV Workshops 2021, sec. 3 and the published options of x4plus.
    https://arxiv.org/abs/2107.10833
Changed: qualities are integers, as a real encoder takes them; every picture of a batch has its own
    intermediate sizes, whereas the program shares them within a batch and keeps a pool of pictures
    to mix them. The first resizing samples the whole picture evenly, whereas the program steps by
    the factor before rounding the size. WebP is optional. Training can sharpen the target, see
    `sharpening`.
"""

import math
from dataclasses import dataclass

import torch

from bigpicture.degrade.blur import Bell, Blur, Family, Sinc
from bigpicture.degrade.chain import Chain, Step
from bigpicture.degrade.compression import Compression
from bigpicture.degrade.draw import chance, choose, integer, seed, uniform
from bigpicture.degrade.noise import GaussianNoise, PoissonNoise
from bigpicture.degrade.resizing import Method, Resize

__all__ = ["Pass", "RealESRGAN"]

_METHODS: tuple[Method, ...] = ("area", "bilinear", "bicubic")  # PyTorch's

Range = tuple[int | float, int | float]

# Probabilities of the families of kernels, isotropic (True) and anisotropic (False).
_BELLS: dict[tuple[Family, bool], float] = {
    ("gaussian", True): 0.45,
    ("gaussian", False): 0.25,
    ("generalised", True): 0.12,
    ("generalised", False): 0.03,
    ("plateau", True): 0.12,
    ("plateau", False): 0.03,
}
_BETA: dict[Family, Range] = {"gaussian": (1, 1), "generalised": (0.5, 4), "plateau": (1, 2)}
_LONG = 13  # from this side on, the cutoff of a sinc may be lower


@dataclass(frozen=True)
class Pass:
    """The distributions that one of the two passes is drawn from.

    Attributes:
        blur: Probability of a blur.
        sigma: Range of the widths σ of bell-shaped kernels, in pixels.
        odds: Probabilities of enlarging, of shrinking, and of keeping the size.
        sizes: Least and greatest factor of a resizing.
        noise: Range of the standard deviation of normal noise, in 8-bit units.
        poisson: Range of the scale of Poisson noise.
        quality: Range of the quality of the compression.
        sinc: Probability that a blur uses a sinc.
        normal: Probability that noise is normal, not Poisson.
        gray: Probability that noise is gray.
    """

    blur: float
    sigma: Range
    odds: tuple[float, float, float]
    sizes: Range
    noise: Range
    poisson: Range
    quality: tuple[int, int] = (30, 95)
    sinc: float = 0.1
    normal: float = 0.5
    gray: float = 0.4


_FIRST = Pass(1.0, (0.2, 3), (0.2, 0.7, 0.1), (0.15, 1.5), (1, 30), (0.05, 3))
_SECOND = Pass(0.8, (0.2, 1.5), (0.3, 0.4, 0.3), (0.3, 1.2), (1, 25), (0.05, 2.5))


@dataclass(frozen=True)
class RealESRGAN:
    """The distributions to draw from; the defaults are the published numbers.

    Attributes:
        first: The first pass.
        second: The second pass.
        final_sinc: Probability of the sinc at the end.
        webp: Fraction of the compressions that use WebP.
    """

    first: Pass = _FIRST
    second: Pass = _SECOND
    final_sinc: float = 0.8
    webp: float = 0.0

    def draw(self, generator: torch.Generator, scale: int | float) -> Chain:
        """Draw a degradation that makes pictures `scale` times smaller.

        >>> drawn = RealESRGAN().draw(torch.Generator().manual_seed(0), 4)
        >>> [step.kind for step in drawn.steps][:2]
        ['blur', 'resize']
        """
        steps = [*self._pass(generator, self.first, scale), self._file(generator, self.first)]
        steps += self._pass(generator, self.second, 1)
        end: list[Step] = [Resize(choose(generator, _METHODS), 1)]
        if chance(generator, self.final_sinc):
            end.append(Blur(_sinc(generator, _size(generator), math.pi / 3)))
        file = self._file(generator, self.second)
        steps += [*end, file] if chance(generator, 0.5) else [file, *end]
        return Chain("realesrgan", tuple(steps))

    def _pass(self, generator: torch.Generator, each: Pass, start: int | float) -> list[Step]:
        """Draw blur, resizing and noise; `start` is the size that resizing factors multiply."""
        steps: list[Step] = []
        if chance(generator, each.blur):
            steps.append(_blur(generator, each))
        larger, smaller, same = each.odds
        way = choose(generator, {"larger": larger, "smaller": smaller, "same": same})
        least, most = each.sizes
        bounds = {"larger": (1, most), "smaller": (least, 1), "same": (1, 1)}[way]
        steps.append(Resize(choose(generator, _METHODS), start * uniform(generator, *bounds)))
        steps.append(_noise(generator, each))
        return steps

    def _file(self, generator: torch.Generator, each: Pass) -> Compression:
        codec = "webp" if chance(generator, self.webp) else "jpeg"
        return Compression(codec, integer(generator, *each.quality))


def _size(generator: torch.Generator) -> int:
    return 2 * integer(generator, 3, 10) + 1


def _sinc(generator: torch.Generator, size: int, lowest: float) -> Sinc:
    return Sinc(size, uniform(generator, lowest, math.pi))


def _blur(generator: torch.Generator, each: Pass) -> Blur:
    size = _size(generator)
    if chance(generator, each.sinc):
        return Blur(_sinc(generator, size, math.pi / (5 if size >= _LONG else 3)))
    family, isotropic = choose(generator, _BELLS)
    first = uniform(generator, *each.sigma)
    if isotropic:
        return Blur(Bell(family, size, (first, first), 0.0, _beta(generator, family)))
    second = uniform(generator, *each.sigma)
    angle = uniform(generator, -math.pi, math.pi)
    return Blur(Bell(family, size, (first, second), angle, _beta(generator, family)))


def _beta(generator: torch.Generator, family: Family) -> float:
    least, most = _BETA[family]
    return uniform(generator, *((least, 1) if chance(generator, 0.5) else (1, most)))


def _noise(generator: torch.Generator, each: Pass) -> Step:
    gray, own = chance(generator, each.gray), seed(generator)
    if chance(generator, each.normal):
        return GaussianNoise(uniform(generator, *each.noise), gray, own)
    return PoissonNoise(uniform(generator, *each.poisson), gray, own)
