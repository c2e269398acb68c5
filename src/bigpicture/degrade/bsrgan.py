"""BSRGAN: blurs, shrinking, noise and compression, in a random order.

    generator, scale ──draw──▶ Chain: blur · blur · resize · resize · noise · JPEG, shuffled, JPEG

As published, for the scale r:

    blur, twice       Gaussian, k = 7, 9, …, 25; isotropic with σ ≤ 2 + r/5, or with variances
                      ≤ 4 + r along two turned axes; each half of the time
    first resizing    by a random factor between 1/(2r) and 1 (¾), or a Gaussian of σ in
                      0.1 … 0.6 r and every r-th pixel of the blurred picture (¼)
    second resizing   to the result's size, always after the first
    noise             normal, σ = 2 … 25: independent (0.4), gray (0.4), correlated (0.2)
    JPEG              quality 30 … 95, with probability 0.9; always once more at the end

Resizing is by the mean of areas, bilinear or bicubic, each ⅓. At r = 4 the picture is halved
beforehand with probability ¼ (half of the time by MATLAB's bicubic), and what follows is drawn
for 2.

Source: Zhang et al., "Designing a Practical Degradation Model for Deep Blind Image
    Super-Resolution", ICCV 2021. https://arxiv.org/abs/2103.14006
Changed: without camera sensor noise, as the published program is when it is given no model of a
    camera (the authors' own is not published). The kernel before taking every r-th pixel is
    computed where its centre lies, not shifted by interpolation; the correlated noise has the
    covariance of the paper, of which the program takes the absolute values. At fractional scales
    it is every round(r)-th pixel, and halving happens from 4 on. WebP on demand.
"""

import math
from dataclasses import dataclass

import torch

from bigpicture.degrade.blur import Bell, Blur
from bigpicture.degrade.chain import Chain, Step
from bigpicture.degrade.compression import Compression
from bigpicture.degrade.draw import chance, choose, integer, seed, shuffled, uniform
from bigpicture.degrade.noise import CorrelatedNoise, GaussianNoise
from bigpicture.degrade.resizing import METHODS, Resize, Subsample

__all__ = ["BSRGAN"]


@dataclass(frozen=True)
class BSRGAN:
    """What is drawn from; the defaults are the published numbers.

    Attributes:
        halving: Probability that a picture for scale 4 is halved beforehand.
        isotropic: Probability that a blur is.
        random_size: Probability that the first resizing is by a random factor.
        noise: Standard deviations from … to, in 8-bit units.
        noise_kinds: Probabilities of independent, gray and correlated noise.
        compression: Probability of the compression within the sequence.
        quality: Qualities from … to.
        webp: Share of WebP among the compressions.
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
        """Draw a degradation for pictures to be enlarged `scale` times.

        >>> drawn = BSRGAN().draw(torch.Generator().manual_seed(0), 4)
        >>> {step.kind for step in drawn.steps} >= {"blur", "resize", "compression"}
        True
        """
        steps: list[Step] = []
        left = scale  # how many times smaller the result still has to get
        if scale >= 4 and chance(generator, self.halving):
            left = scale / 2
            method = choose(generator, METHODS) if chance(generator, 0.5) else "imresize"
            steps.append(Resize(method, left))
        for place in self._order(generator):
            steps += self._step(generator, place, left)
        return Chain("bsrgan", (*steps, self._file(generator)))

    def _order(self, generator: torch.Generator) -> list[str]:
        """Return the six in a random order, with the first resizing before the second."""
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
            return [Resize(choose(generator, METHODS), 1)]
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
            return Resize(choose(generator, METHODS), left / factor)
        return Subsample(uniform(generator, 0.1, 0.6 * left), step=round(left))

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
    """Return noise of the covariance σ² U diag(d) Uᵀ: random axes, a random share d along each."""
    drawn = torch.tensor([uniform(generator, 0, 1) for _ in range(12)], dtype=torch.float64)
    axes, shares = torch.linalg.qr(drawn[:9].view(3, 3))[0], drawn[9:]
    mixing = highest * axes * shares.sqrt()
    first, second, third = (tuple(row) for row in mixing.tolist())
    return CorrelatedNoise((first, second, third), seed(generator))
