"""Photographs → batches of paired random crops.

    photographs ──seed, step──▶ low (b, 3, p, p), high (b, 3, r·p, r·p)    uint8

Each crop is a pure function of the seed, the step and its number in the batch. So an interrupted
run resumes with the batches that it would have had, and processes can share a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bigpicture.data.batch import Batch
from bigpicture.data.crops import Share, choice_of, corner, generators, stacked, turned, window
from bigpicture.data.degraded import Degraded, Noisy
from bigpicture.data.photographs import Photograph

__all__ = ["Patches"]


@dataclass(frozen=True)
class Patches:
    """Random crops, flipped and turned, of paired photographs.

    Attributes:
        photographs: Photographs to crop from, each equally likely.
        scale: Enlargement from low to high.
        images: Crops in a batch.
        size: Side of a low-resolution crop, in pixels.
        seed: Seed of all random choices.
        degrade: Degradation drawn anew for each crop: `Degraded` makes the low-resolution crop from
            the high one, `Noisy` adds noise to that of the photograph. None does neither.
    """

    photographs: Sequence[Photograph]
    scale: int
    images: int
    size: int
    seed: int
    degrade: Degraded | Noisy | None = None

    def draw(self, step: int, share: Share = (0, 1)) -> Batch:
        """Return the low- and high-resolution crops of a step, or a share of them.

        Raises:
            ValueError: If the share has no crops.
        """
        pairs = [self._pair(rng) for rng in generators(self.seed, step, self.images, share)]
        low, high = zip(*pairs, strict=True)
        return Batch(stacked(low), stacked(high))

    def _pair(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        photograph, symmetry = choice_of(self.photographs, rng), int(rng.integers(8))
        if isinstance(self.degrade, Degraded):
            return self._degraded(photograph.high, symmetry, self.degrade, rng)
        top, left = corner(photograph.low, self.size, rng)
        low = turned(window(photograph.low, top, left, self.size), symmetry)
        high = window(photograph.high, *(self.scale * v for v in (top, left, self.size)))
        low = low if self.degrade is None else self.degrade.apply(low, rng)
        return low, turned(high, symmetry)

    def _degraded(
        self, image: np.ndarray, symmetry: int, degrade: Degraded, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        side = self.size + degrade.margin
        around = window(image, *corner(image, side * self.scale, rng), side * self.scale)
        around = degrade.target(np.ascontiguousarray(turned(around, symmetry)))
        top, left = degrade.offset(rng)
        low = window(degrade.apply(around, side, rng), top, left, self.size)
        return low, window(around, *(self.scale * v for v in (top, left, self.size)))
