"""What a training step is given."""

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
    """Low-resolution crops and what is to be made of them, in [0, 1].

    Attributes:
        low: Crops (b, 3, h, w).
        target: The crops in high resolution (b, 3, H, W); at points, their colours (b, q, 3).
        points: Where the target lies; None where it is all of the crops.
    """

    low: Tensor
    target: Tensor
    points: Points | None = None

    def to(self, device: torch.device, layout: torch.memory_format) -> "Batch":
        """Return the batch on a device, pictures in a memory `layout`."""
        low = self.low.to(device, memory_format=layout)
        if self.points is None:
            return Batch(low, self.target.to(device, memory_format=layout))
        points = Points(*(each.to(device) for each in self.points))
        return Batch(low, self.target.to(device), points)
