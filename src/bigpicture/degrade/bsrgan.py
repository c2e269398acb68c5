"""BSRGAN: blurs, downsampling, noise and compression, in random order.

    generator, scale ──draw──▶ Chain: blur · blur · resize · resize · noise · JPEG, shuffled, JPEG

As published, for scale r:

    blur, twice       Gaussian, k = 7, 9, …, 25; isotropic with σ ≤ 2 + r/5, or anisotropic with
                      variances ≤ 4 + r along two rotated axes; each with probability ½
    first resizing    by a random factor between 1/(2r) and 1 (¾), or a Gaussian blur with σ in
                      0.1 … 0.6 r followed by taking every r-th pixel (¼)
    second resizing   to the size of the result, always after the first
    noise             normal, σ = 2 … 25: independent (0.4), gray (0.4), correlated (0.2)
    JPEG              quality 30 … 95, with probability 0.9; always once more at the end

Resizing uses area averaging, bilinear or bicubic interpolation, each with probability ⅓, and the
result is clipped. At r = 4 the picture is first halved with probability ¼ (half of the time by
MATLAB's bicubic), and the remaining steps are drawn for r = 2.

Source: Zhang et al., "Designing a Practical Degradation Model for Deep Blind Image
    Super-Resolution", ICCV 2021. https://arxiv.org/abs/2103.14006
Changed: camera sensor noise is left out, as in the published program when it is given no camera
    model (the authors' model is not published). The Gaussian before taking every r-th pixel is
    computed around its true centre, not shifted by interpolation. At fractional scales, every
    round(r)-th pixel is taken, and halving applies to all scales from 4 on. WebP is optional.
"""

import math
from dataclasses import dataclass

import torch

from bigpicture.degrade.blur import Bell, Blur
from bigpicture.degrade.chain import Chain, Step
from bigpicture.degrade.compression import Compression
from bigpicture.degrade.draw import chance, choose, integer, seed, shuffled, uniform
from bigpicture.degrade.noise import CorrelatedNoise, GaussianNoise
from bigpicture.degrade.resizing import Method, Resize, Subsample

__all__ = ["BSRGAN"]

_METHODS: tuple[Method, ...] = ("coverage", "bilinear", "bicubic")  # OpenCV's
_WINDOW = 25  # side of the Gaussian before taking every r-th pixel, more for large r


@dataclass(frozen=True)
class BSRGAN:
    """The distributions to draw from; the defaults are the published numbers.

    Attributes:
        halving: Probability that a picture is halved first, for scales from 4 on.
        isotropic: Probability that a blur is isotropic.
        random_size: Probability that the first resizing uses a random factor.
        noise: Least and greatest standard deviation, in 8-bit units.
        noise_kinds: Probabilities of independent, gray and correlated noise.
        compression: Probability of the compression within the shuffled steps.
        quality: Least and greatest quality of the compressions.
        webp: Fraction of the compressions that use WebP.
    """

    halving: float = 0.25
    isotropic: float = 0.5
    random_size: float = 0.75
    noise: tuple[int, int] = (2, 25)
    noise_kinds: tuple[float, float, float] = (0.4, 0.4, 0.2)
    compression: float = 0.9
    quality: tuple[int, int] = (30, 95)
    webp: float = 0.0

    def draw(self, generator: torch.Generator, scale: int | float) -> Chain:
        """Draw a degradation that makes pictures `scale` times smaller.

        >>> drawn = BSRGAN().draw(torch.Generator().manual_seed(0), 4)
        >>> {step.kind for step in drawn.steps} >= {"blur", "resize", "compression"}
        True
        """
        steps: list[Step] = []
        left = scale  # the downsampling factor that remains
        if scale >= 4 and chance(generator, self.halving):
            left = scale / 2
            method = choose(generator, _METHODS) if chance(generator, 0.5) else "imresize"
            steps.append(Resize(method, left))
        for place in self._order(generator):
            steps += self._step(generator, place, left)
        return Chain("bsrgan", (*steps, self._file(generator)))

    def _order(self, generator: torch.Generator) -> list[str]:
        """Return the six steps in random order, the first resizing before the second."""
        order = shuffled(generator, ["blur", "blur", "shrink", "reach", "noise", "file"])
        first, second = sorted((order.index("shrink"), order.index("reach")))
        order[first], order[second] = "shrink", "reach"
        return order

    def _step(self, generator: torch.Generator, place: str, left: int | float) -> list[Step]:
        if place == "blur":
            return [self._blur(generator, left)]
        if place == "shrink":
            return [self._shrink(generator, left)]
        if place == "reach":
            return [Resize(choose(generator, _METHODS), 1)]
        if place == "noise":
            return [self._noise(generator)]
        return [self._file(generator)] if chance(generator, self.compression) else []

    def _blur(self, generator: torch.Generator, left: int | float) -> Blur:
        size = 2 * integer(generator, 3, 12) + 1
        if chance(generator, self.isotropic):
            sigma = uniform(generator, 0, 2 + 0.2 * left)
            return Blur(Bell("gaussian", size, (sigma, sigma)))
        first, second = (math.sqrt(uniform(generator, 0, 4 + left)) for _ in range(2))
        return Blur(Bell("gaussian", size, (first, second), uniform(generator, 0, math.pi)))

    def _shrink(self, generator: torch.Generator, left: int | float) -> Step:
        if chance(generator, self.random_size):
            factor = uniform(generator, 1, 2 * left)
            return Resize(choose(generator, _METHODS), left / factor)
        sigma, step = uniform(generator, 0.1, 0.6 * left), round(left)
        reach = math.ceil((step - 1) / 2 + 3 * sigma)  # 3 σ around the centre of the cell
        return Subsample(sigma, step, size=max(_WINDOW, 2 * reach + 1))

    def _noise(self, generator: torch.Generator) -> Step:
        low, high = self.noise
        sigma = integer(generator, low, high)
        odds = dict(zip(("independent", "gray", "correlated"), self.noise_kinds, strict=True))
        how = choose(generator, odds)
        if how == "correlated":
            return _correlated(generator, high)
        return GaussianNoise(sigma, how == "gray", seed(generator))

    def _file(self, generator: torch.Generator) -> Compression:
        codec = "webp" if chance(generator, self.webp) else "jpeg"
        return Compression(codec, integer(generator, *self.quality))


def _correlated(generator: torch.Generator, highest: int) -> CorrelatedNoise:
    """Draw noise of covariance |σ² Uᵀ diag(d) U|, with random axes U and random shares d.

    The absolute values of a 3 × 3 covariance are always a covariance; of larger ones, not.
    """
    drawn = torch.tensor([uniform(generator, 0, 1) for _ in range(12)], dtype=torch.float64)
    axes = torch.linalg.svd(drawn[:9].view(3, 3)).U
    covariance = highest**2 * ((axes.mT * drawn[9:]) @ axes).abs()
    mixing = torch.linalg.cholesky(covariance)
    first, second, third = (tuple(row) for row in mixing.tolist())
    return CorrelatedNoise((first, second, third), seed(generator))
