"""Photographs → batches of paired random crops.

    photographs ──step──▶ low (b, 3, p, p), high (b, 3, r·p, r·p)    floats in [0, 1]

The batch of a step is a pure function of seed and step, so a run that is interrupted goes on with
the batches that it would have had.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Shaped

from bigpicture.data.batch import Batch
from bigpicture.data.photographs import Photograph
from bigpicture.shapes import Float, Tensor

__all__ = ["Patches", "tensor_of", "turned", "window"]


@dataclass(frozen=True)
class Patches:
    """Random crops, flipped and turned, of paired photographs.

    Attributes:
        photographs: Where to crop from, each equally likely.
        scale: Enlargement from low to high.
        images: Crops in a batch.
        size: Side of a low-resolution crop, in pixels.
        seed: Of all random choices.
    """

    photographs: Sequence[Photograph]
    scale: int
    images: int
    size: int
    seed: int

    def draw(self, step: int) -> Batch:
        """Return the low- and high-resolution crops of a step."""
        rng = np.random.default_rng([self.seed, step])
        pairs = [self._crop(rng) for _ in range(self.images)]
        low, high = (np.stack(side) for side in zip(*pairs, strict=True))
        return Batch(tensor_of(low), tensor_of(high))

    def _crop(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        photograph = self.photographs[int(rng.integers(len(self.photographs)))]
        height, width = photograph.low.shape[:2]
        top = int(rng.integers(height - self.size + 1))
        left = int(rng.integers(width - self.size + 1))
        symmetry = int(rng.integers(8))
        return (
            turned(window(photograph.low, top, left, self.size), symmetry),
            turned(
                window(photograph.high, *(self.scale * v for v in (top, left, self.size))), symmetry
            ),
        )


def window(image: Shaped[np.ndarray, "h w c"], top: int, left: int, size: int) -> np.ndarray:
    """Return the square of so many pixels from a corner on."""
    return image[top : top + size, left : left + size]


def turned(image: Shaped[np.ndarray, "h w c"], symmetry: int) -> np.ndarray:
    """Return one of the eight flips and quarter turns."""
    image = np.rot90(image, symmetry % 4)
    return image[:, ::-1] if symmetry >= 4 else image


def tensor_of(stacked: Shaped[np.ndarray, "b h w c"]) -> Float[Tensor, "b c h w"]:
    """Return pictures of 8 bits as floats in [0, 1]."""
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 255
