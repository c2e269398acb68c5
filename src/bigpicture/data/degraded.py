"""Low-resolution crops that are degraded when they are drawn, each in its own way.

    high (H, W, 3), rng ──draw──▶ record ──apply──▶ low (h, w, 3)     uint8

Each record is drawn from the crop's own generator. So crops are never degraded the same way twice,
and yet a step's batch depends on seed and step alone. Batches mix degradations without the pool of
earlier crops that Real-ESRGAN's published program needs, where the crops of a batch share sizes.
"""

from dataclasses import dataclass

import numpy as np
import torch

from bigpicture.degrade.dn import DN
from bigpicture.degrade.draw import choose
from bigpicture.degrade.levels import to_levels
from bigpicture.degrade.record import Kind, draw
from bigpicture.degrade.sharpening import sharpen
from bigpicture.shapes import UInt8

__all__ = ["Degraded", "Noisy"]

Crop = UInt8[np.ndarray, "H W c"]
LowCrop = UInt8[np.ndarray, "h w c"]


@dataclass(frozen=True)
class Degraded:
    """Makes a low-resolution crop from a high-resolution one.

    Attributes:
        kinds: Kinds of degradation, each equally likely.
        webp: Share of WebP among the compressions.
        margin: By how many low-resolution pixels the degraded area exceeds a crop's side. The crop
            is cut from it at random, so it lies anywhere on the grids that compression works on,
            and its borders are not always those where a blur has no neighbours. JPEG's grid has 16
            pixels where colour has half the resolution: with 15, all offsets are equally likely.
        sharpened: Whether high-resolution crops are sharpened first.
    """

    kinds: tuple[Kind, ...]
    webp: float = 0.0
    margin: int = 15
    sharpened: bool = False

    def target(self, high: Crop) -> Crop:
        """Return the training target of a crop, which is also what `apply` takes."""
        if not self.sharpened:
            return high
        planes = torch.from_numpy(high).permute(2, 0, 1).float() / 255
        return to_levels(sharpen(planes)).byte().permute(1, 2, 0).contiguous().numpy()

    def apply(self, high: Crop, side: int, rng: np.random.Generator) -> LowCrop:
        """Return the square `high`, degraded to `side` pixels by what `rng` draws."""
        scale = _scale(high.shape[0], side)
        generator = _generator(rng)
        return draw(choose(generator, self.kinds), scale, generator, webp=self.webp).apply(high)

    def offset(self, rng: np.random.Generator) -> tuple[int, int]:
        """Draw how many rows and columns of the margin lie before the crop."""
        top, left = rng.integers(self.margin + 1, size=2)
        return int(top), int(left)


@dataclass(frozen=True)
class Noisy:
    """Adds the noise of DN to a low-resolution crop."""

    def apply(self, low: LowCrop, rng: np.random.Generator) -> LowCrop:
        """Return the crop with noise drawn from `rng`."""
        return DN.draw(_generator(rng)).noisy(low)


def _generator(rng: np.random.Generator) -> torch.Generator:
    return torch.Generator().manual_seed(int(rng.integers(2**62)))


def _scale(high: int, low: int) -> int | float:
    """Return the scale at which `high` pixels shrink to exactly `low`.

    >>> _scale(96, 48), _scale(49, 4)
    (2, 12.25)
    """
    return high // low if high % low == 0 else high / low
