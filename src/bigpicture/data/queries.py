"""Photographs → batches for networks that render any scale: crops, and points to render.

    photographs ──seed, step──▶ low (b, 3, p, p); coordinates, cell (b, q, 2); colours (b, q, 3)

A batch has one scale, drawn from an interval or a set. Its low-resolution crops are made on the
fly: crops of the photographs, shrunk by the antialiased bicubic kernel and rounded to 8 bits, or
degraded. Only some of each crop's pixels are drawn, because rendering all of them would cost most
where it teaches least. Losses that look at pictures need all of them, in order: colours
(b, 3, s, s) and q = s · s points, row by row.

Source: Chen et al., "Learning Continuous Image Representation with Local Implicit Image Function",
    CVPR 2021, section 4.1, as CiaoSR does. https://arxiv.org/abs/2012.09161
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from bigpicture.data.batch import Batch, Points
from bigpicture.data.crops import (
    Share,
    choice_of,
    corner,
    generator,
    generators,
    stacked,
    turned,
    window,
)
from bigpicture.data.degraded import Degraded, Noisy
from bigpicture.data.photographs import Photograph
from bigpicture.data.settings import Scales
from bigpicture.image.resize import resize

__all__ = ["Queries"]


@dataclass(frozen=True)
class Queries:
    """Random crops at random scales, and random pixels of them.

    Attributes:
        photographs: Photographs to crop from, each equally likely.
        scales: Scales from which a batch's enlargement is drawn.
        images: Crops in a batch.
        size: Side of a low-resolution crop, in pixels.
        points: Pixels drawn from each crop, at most as many as it has; None for all, in order.
        seed: Seed of all random choices.
        degrade: Degradation drawn anew for each crop: `Degraded` makes the low-resolution crop in
            place of the bicubic kernel, `Noisy` adds noise to what that makes. None does neither.
    """

    photographs: Sequence[Photograph]
    scales: Scales
    images: int
    size: int
    points: int | None
    seed: int
    degrade: Degraded | Noisy | None = None

    def draw(self, step: int, share: Share = (0, 1)) -> Batch:
        """Return the batch of a step, or a share of its crops.

        Raises:
            ValueError: If the share has no crops.
        """
        scale = self.scales.draw(generator(self.seed, step))
        around = self.size + (self.degrade.margin if isinstance(self.degrade, Degraded) else 0)
        grid = _Grid(self.size, around, round(around * scale))
        drawn = [self._crop(rng, grid) for rng in generators(self.seed, step, self.images, share)]
        low, colours, where = zip(*drawn, strict=True)
        coordinates = torch.from_numpy(np.stack(where)).float()
        cell = torch.full_like(coordinates, 2 * around / (self.size * grid.high))
        points = Points(coordinates, cell)
        target = torch.from_numpy(np.stack(colours))
        if self.points is None:
            target = target.mT.unflatten(2, (grid.side, grid.side)).contiguous()
        return Batch(stacked(low), target, points)

    def _crop(
        self, rng: np.random.Generator, grid: "_Grid"
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a crop (p, p, 3), colours (q, 3) and their coordinates (q, 2)."""
        image, symmetry = choice_of(self.photographs, rng).high, int(rng.integers(8))
        high = window(image, *corner(image, grid.high, rng), grid.high)
        high = np.ascontiguousarray(turned(high, symmetry))
        offset = (0, 0)
        if isinstance(self.degrade, Degraded):
            high = self.degrade.target(high)
            low, offset = self.degrade.apply(high, grid.around, rng), self.degrade.offset(rng)
        else:
            low = _shrunk(high, grid.around)
            low = low if self.degrade is None else self.degrade.apply(low, rng)
        rows, columns = grid.draw(offset, self.points, rng)
        where = grid.coordinates(np.stack([rows, columns], -1), offset)
        return window(low, *offset, self.size), high[rows, columns], where


class _Grid(NamedTuple):
    """Sides of a low-resolution crop, of it with its margin, and of that in high resolution."""

    low: int
    around: int
    high: int

    @property
    def side(self) -> int:
        """How many pixels of `high` have their centres in the crop, along an axis."""
        return self.low * self.high // self.around

    def draw(
        self, offset: tuple[int, int], points: int | None, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and columns of pixels of `high` whose centres lie in the crop."""
        count = self.side
        if points is None:
            chosen = np.arange(count * count)
        else:
            chosen = rng.choice(count * count, min(points, count * count), replace=False)
        # the first whose centre is not before the crop: ⌈offset · high / around − ½⌉
        top, left = (
            -((self.around - 2 * before * self.high) // (2 * self.around)) for before in offset
        )
        return top + chosen // count, left + chosen % count

    def coordinates(self, pixels: np.ndarray, offset: tuple[int, int]) -> np.ndarray:
        """Return the centres of pixels of `high` in the frame of the crop, [−1, 1]."""
        centres = (pixels + 0.5) * self.around / self.high - offset
        return 2 * centres / self.low - 1


def _shrunk(high: np.ndarray, side: int) -> np.ndarray:
    """Return a square (H, H, 3) resized to `side` pixels, rounded to 8 bits."""
    planes = torch.from_numpy(high).permute(2, 0, 1).float()
    shrunk = resize(planes, size=(side, side)).round().clamp(0, 255)
    return shrunk.byte().permute(1, 2, 0).numpy()
