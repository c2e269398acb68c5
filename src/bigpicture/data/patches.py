"""Photographs → batches of paired random crops.

    photographs ──step──▶ low (b, 3, p, p), high (b, 3, r·p, r·p)    floats in [0, 1]

The batch of a step is a pure function of seed and step, so a run that is interrupted goes on with
the batches that it would have had.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bigpicture.data.photographs import Photograph
from bigpicture.shapes import Float, Tensor

__all__ = ["Patches"]


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

    def draw(self, step: int) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b 3 H W"]]:
        """Return the low- and high-resolution crops of a step."""
        rng = np.random.default_rng([self.seed, step])
        pairs = [self._crop(rng) for _ in range(self.images)]
        low, high = (np.stack(side) for side in zip(*pairs, strict=True))
        return _tensor(low), _tensor(high)

    def _crop(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        photograph = self.photographs[int(rng.integers(len(self.photographs)))]
        height, width = photograph.low.shape[:2]
        top = int(rng.integers(height - self.size + 1))
        left = int(rng.integers(width - self.size + 1))
        symmetry = int(rng.integers(8))
        return (
            _turn(_window(photograph.low, top, left, self.size, 1), symmetry),
            _turn(_window(photograph.high, top, left, self.size, self.scale), symmetry),
        )


def _window(image: np.ndarray, top: int, left: int, size: int, scale: int) -> np.ndarray:
    top, left, size = top * scale, left * scale, size * scale
    return image[top : top + size, left : left + size]


def _turn(image: np.ndarray, symmetry: int) -> np.ndarray:
    """Return one of the eight flips and quarter turns of a (h, w, c) array."""
    image = np.rot90(image, symmetry % 4)
    return image[:, ::-1] if symmetry >= 4 else image


def _tensor(stacked: np.ndarray) -> Float[Tensor, "b c h w"]:
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 255
