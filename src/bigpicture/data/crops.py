"""Position and orientation of crops: the random choices that all batches make first.

seed, step ──▶ a generator for each crop ──▶ photograph, corner, one of eight symmetries
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Shaped

from bigpicture.shapes import Tensor, UInt8

__all__ = [
    "Share",
    "choice_of",
    "corner",
    "generator",
    "generators",
    "stacked",
    "turned",
    "window",
]

Share = tuple[int, int]
"""Which crops of a batch a process takes: (k, n) selects those numbered k, k + n, k + 2n, …"""

T = TypeVar("T")


def generator(seed: int, step: int) -> np.random.Generator:
    """Return the generator for what all crops of a step have in common."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(step,)))


def generators(seed: int, step: int, images: int, share: Share) -> Iterator[np.random.Generator]:
    """Yield a generator for each crop in a share of a step's batch.

    Raises:
        ValueError: If the share has no crops.
    """
    first, processes = share
    if not 0 <= first < min(processes, images):
        raise ValueError(
            f"share is {share}, which leaves none of {images} crops; give (k, n) with 0 ≤ k < n, "
            "and at least as many crops in a batch as processes"
        )
    for crop in range(first, images, processes):
        # Unlike lists of numbers, spawn keys distinguish (step, 0) from (step,).
        yield np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(step, crop)))


def choice_of(options: Sequence[T], rng: np.random.Generator) -> T:
    """Return one of `options`, each equally likely."""
    return options[int(rng.integers(len(options)))]


def corner(
    image: Shaped[np.ndarray, "h w c"], side: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Return row and column of the first pixel of a random square of `side` pixels in the image."""
    height, width = image.shape[:2]
    return int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))


def window(image: Shaped[np.ndarray, "h w c"], top: int, left: int, side: int) -> np.ndarray:
    """Return the square of `side` pixels whose first pixel is at `top`, `left`."""
    return image[top : top + side, left : left + side]


def turned(image: Shaped[np.ndarray, "h w c"], symmetry: int) -> np.ndarray:
    """Return the image in one of its eight flips and quarter turns."""
    image = np.rot90(image, symmetry % 4)
    return image[:, ::-1] if symmetry >= 4 else image


def stacked(images: Sequence[UInt8[np.ndarray, "h w c"]]) -> UInt8[Tensor, "b c h w"]:
    """Return images as a batch, still in uint8."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
