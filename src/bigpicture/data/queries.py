"""Photographs → batches for networks that render any scale: crops, and points to be rendered.

    photographs ──step──▶ low (b, 3, p, p); coordinates, cell (b, q, 2); colours (b, q, 3)

A batch has one scale, drawn from an interval. Its low-resolution crops are made on the fly: crops
of the photographs, shrunk by the antialiased bicubic kernel and rounded to 8 bits. Of each crop's
pixels some are drawn, for rendering all of them would cost most where it teaches least.

Source: Chen et al., "Learning Continuous Image Representation with Local Implicit Image Function",
    CVPR 2021, section 4.1, as CiaoSR does. https://arxiv.org/abs/2012.09161
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bigpicture.data.batch import Batch, Points
from bigpicture.data.patches import tensor_of, turned, window
from bigpicture.data.photographs import Photograph
from bigpicture.image.resize import resize
from bigpicture.shapes import Tensor

__all__ = ["Queries"]


@dataclass(frozen=True)
class Queries:
    """Random crops at random scales, and random pixels of them.

    Attributes:
        photographs: Where to crop from, each equally likely.
        scales: Least and greatest enlargement.
        images: Crops in a batch.
        size: Side of a low-resolution crop, in pixels.
        points: Pixels that are drawn of each crop, or all that there are.
        seed: Of all random choices.
    """

    photographs: Sequence[Photograph]
    scales: tuple[float, float]
    images: int
    size: int
    points: int
    seed: int

    def draw(self, step: int) -> Batch:
        """Return the batch of a step."""
        rng = np.random.default_rng([self.seed, step])
        side = round(self.size * rng.uniform(*self.scales))
        crops = np.stack([self._crop(rng, side) for _ in range(self.images)])
        high = tensor_of(crops)
        low = resize(high, size=(self.size, self.size)).mul(255).round().clamp(0, 255) / 255
        count = min(self.points, side * side)
        chosen = [rng.choice(side * side, count, replace=False) for _ in range(self.images)]
        return _at(low, high, torch.from_numpy(np.stack(chosen)))

    def _crop(self, rng: np.random.Generator, side: int) -> np.ndarray:
        photograph = self.photographs[int(rng.integers(len(self.photographs)))]
        height, width = photograph.high.shape[:2]
        top = int(rng.integers(height - side + 1))
        left = int(rng.integers(width - side + 1))
        return turned(window(photograph.high, top, left, side), int(rng.integers(8)))


def _at(low: Tensor, high: Tensor, chosen: Tensor) -> Batch:
    """Return the batch whose points are the pixels `chosen` (b, q), counted row by row."""
    side = high.shape[-1]
    colours = high.flatten(2).gather(2, chosen.unsqueeze(1).expand(-1, high.shape[1], -1)).mT
    where = torch.stack([chosen // side, chosen % side], -1)
    coordinates = (2 * where + 1).float() / side - 1
    cell = torch.full_like(coordinates, 2 / side)
    return Batch(low, colours.contiguous(), Points(coordinates, cell))
