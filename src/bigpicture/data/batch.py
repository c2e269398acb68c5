"""The input of a training step.

Batches are drawn in uint8, as pictures are stored: a quarter of the bytes that floats would move
from a worker process to a GPU. They become floats where they are used.
"""

from typing import NamedTuple

import torch

from bigpicture.shapes import Float, Tensor

__all__ = ["Batch", "Points"]


class Points(NamedTuple):
    """Points to render, in the frame of the crop, which spans [−1, 1] along each axis."""

    coordinates: Float[Tensor, "b q 2"]
    """Row and column."""
    cell: Float[Tensor, "b q 2"]
    """Height and width of the pixel."""


class Batch(NamedTuple):
    """Low-resolution crops and their training targets.

    Both are uint8 as drawn, and floats in [0, 1] after `to`.

    Attributes:
        low: Crops (b, 3, h, w).
        target: The high-resolution crops (b, 3, H, W). With points, their colours (b, q, 3), or
            (b, 3, H, W) where the points are all pixels of a crop, row by row.
        points: Where the target was sampled; None where it is the whole crops.
    """

    low: Tensor
    target: Tensor
    points: Points | None = None

    def to(self, device: torch.device, layout: torch.memory_format) -> "Batch":
        """Return the batch as floats on a device, images in a memory `layout`."""
        low = _floats(self.low, device).contiguous(memory_format=layout)
        target = _floats(self.target, device)
        if self.points is None:
            return Batch(low, target.contiguous(memory_format=layout))
        points = Points(*(each.to(device, non_blocking=True) for each in self.points))
        return Batch(low, target, points)


def _floats(levels: Tensor, device: torch.device) -> Tensor:
    moved = levels.to(device, non_blocking=True)
    return moved if moved.is_floating_point() else moved.float() / 255
