"""What a training step is given.

A batch is drawn in the 8 bits that pictures are stored in, a quarter of what floats would take on
the way from a worker process to a GPU, and becomes floats where it is used.
"""

from typing import NamedTuple

import torch

from bigpicture.shapes import Float, Tensor

__all__ = ["Batch", "Points"]


class Points(NamedTuple):
    """Where colours are asked for, in the frame that is [−1, 1] high and wide."""

    coordinates: Float[Tensor, "b q 2"]
    """Row and column."""
    cell: Float[Tensor, "b q 2"]
    """Height and width of the pixel."""


class Batch(NamedTuple):
    """Low-resolution crops and what is to be made of them.

    They are uint8 as drawn, and floats in [0, 1] after `to`.

    Attributes:
        low: Crops (b, 3, h, w).
        target: The crops in high resolution (b, 3, H, W); at points, their colours (b, q, 3), or
            (b, 3, H, W) where the points are all pixels of a picture, row by row.
        points: Where the target lies; None where it is all of the crops.
    """

    low: Tensor
    target: Tensor
    points: Points | None = None

    def to(self, device: torch.device, layout: torch.memory_format) -> "Batch":
        """Return the batch on a device in floats, pictures in a memory `layout`."""
        low = _floats(self.low, device).contiguous(memory_format=layout)
        target = _floats(self.target, device)
        if self.points is None:
            return Batch(low, target.contiguous(memory_format=layout))
        points = Points(*(each.to(device, non_blocking=True) for each in self.points))
        return Batch(low, target, points)


def _floats(levels: Tensor, device: torch.device) -> Tensor:
    moved = levels.to(device, non_blocking=True)
    return moved if moved.is_floating_point() else moved.float() / 255
