"""Folders of photographs → arrays on disk that random crops are read from.

    folder of images ──once──▶ cache/NAME.high.npy, cache/NAME.low-x2.npy   (h, w, 3) uint8

Decoding a photograph takes a hundred times longer than cropping a patch from it, and a
memory-mapped array costs no memory until it is touched.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bigpicture.data.folders import images_in
from bigpicture.degrade.bi import bi
from bigpicture.image.read import ImageError, read

__all__ = ["Photograph", "prepare"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Photograph:
    """A picture and its low-resolution version, as memory-mapped (h, w, 3) uint8 arrays.

    Where crops are shrunk on the fly, `low` is the picture itself.
    """

    name: str
    high: np.ndarray
    low: np.ndarray


def prepare(
    folders: Sequence[Path],
    cache: Path,
    scale: int | None,
    smallest: int,
    progress: Progress = lambda done, total: None,
) -> list[Photograph]:
    """Return all pictures of `folders` with their BI low-resolution versions.

    Args:
        folders: Where the pictures are; gray ones become RGB, 16 bit become 8.
        cache: Where the arrays are kept for the next time.
        scale: Of the degradation; None for none.
        smallest: The least low-resolution side that a crop needs; without a scale, the least side.
        progress: Told after each picture.

    Raises:
        ValueError: If a folder is missing or empty, or a picture cannot be read or is too small;
            it is named.
    """
    paths = [path for folder in folders for path in images_in(folder)]
    cache.mkdir(parents=True, exist_ok=True)
    photographs = []
    for done, path in enumerate(paths, 1):
        photographs.append(_prepare(path, cache, scale, smallest))
        progress(done, len(paths))
    return photographs


def _prepare(path: Path, cache: Path, scale: int | None, smallest: int) -> Photograph:
    status = path.stat()
    facts = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
    stem = f"{path.stem}-{hashlib.sha256(facts.encode()).hexdigest()[:12]}"
    high = _cached(cache / f"{stem}.high.npy", lambda: _rgb(path))
    needed = smallest * (scale or 1)
    if min(high.shape[:2]) < needed:
        raise ValueError(
            f"{path}: {high.shape[1]}×{high.shape[0]} is too small, "
            f"crops need {needed} pixels a side"
        )
    if scale is None:
        return Photograph(path.name, high, high)
    low = _cached(cache / f"{stem}.low-x{scale}.npy", lambda: bi(np.asarray(high), scale))
    return Photograph(path.name, high, low)


def _rgb(path: Path) -> np.ndarray:
    colour = read(path).colour
    if colour.dtype != np.uint8:
        raise ImageError(f"{path}: training pictures must have 8 bits a channel")
    return np.ascontiguousarray(np.broadcast_to(colour, (*colour.shape[:2], 3)))


def _cached(file: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    if not file.exists():
        temporary = file.with_suffix(".part.npy")
        np.save(temporary, make())
        temporary.replace(file)
    return np.load(file, mmap_mode="r")
