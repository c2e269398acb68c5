"""Pictures → arrays on disk that random crops are read from.

    places ──decode once──▶ cache/NAME.high.npy, cache/NAME.low-x2.npy   (h, w, 3) uint8

Decoding a photograph takes a hundred times longer than cropping a patch from it, and a
memory-mapped array takes memory only while there is some to spare. Each array takes three bytes of
disk per pixel.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bigpicture.data.arrays import high_file, keep, mapped
from bigpicture.data.loader import processors
from bigpicture.data.originals import Original, Source
from bigpicture.degrade.bd import bd
from bigpicture.degrade.bi import bi
from bigpicture.degrade.record import Kind
from bigpicture.image.picture import Picture
from bigpicture.image.save import remove_leftovers

__all__ = ["Photograph", "Photographs", "Progress", "Shrinking", "prepare"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Photograph:
    """A picture and its low-resolution version, as (h, w, 3) uint8 arrays.

    Where crops are shrunk on the fly, `low` is the picture itself.
    """

    name: str
    high: np.ndarray
    low: np.ndarray


class Files(NamedTuple):
    """A photograph's name, and the files of its arrays."""

    name: str
    high: Path
    low: Path


class Photographs(Sequence[Photograph]):
    """The photographs of a cache, whose arrays are mapped on access.

    So it can be sent to another process, and hold more photographs than a process may open files.
    """

    def __init__(self, files: Iterable[Files]) -> None:
        self._files = list(files)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Photograph:  # pyright: ignore[reportIncompatibleMethodOverride] - no slices
        name, high, low = self._files[index]
        return Photograph(name, mapped(high), mapped(low))


class Shrinking(NamedTuple):
    """Deterministic degradation of the pictures that come without low-resolution versions.

    Attributes:
        scale: How many times smaller the low-resolution versions are.
        kind: `bi`, `bd`, or `dn`, which is made as `bi`: its noise is drawn with each crop.
    """

    scale: int
    kind: Kind = "bi"


def prepare(
    sources: Sequence[Source],
    cache: Path,
    smallest: int,
    shrinking: Shrinking | None = None,
    progress: Progress = lambda done, total: None,
) -> Photographs:
    """Decode the pictures that are not in the cache yet; return all of them.

    Args:
        sources: Where the pictures are; gray ones become RGB, deeper ones 8 bit.
        cache: Where the arrays are kept for later runs.
        smallest: Smallest side that a crop needs, in high-resolution pixels.
        shrinking: Makes the low-resolution versions of pictures without; None makes none. Pictures
            that come with one are refused if it is None or another than BI.
        progress: Called after each source, with the number done and their total.

    Raises:
        ValueError: If pictures cannot be read or are too small; all of them are named.
        OSError: If the cache cannot be written.
    """
    cache.mkdir(parents=True, exist_ok=True)
    remove_leftovers(cache)
    work = partial(_kept, cache=cache, smallest=smallest, shrinking=shrinking)
    kept: list[Files] = []
    wrong: list[str] = []
    pool = ThreadPoolExecutor(min(4, processors()))  # each holds a decoded picture
    try:
        for done, (files, problems) in enumerate(pool.map(work, sources), 1):
            kept += files
            wrong += problems
            progress(done, len(sources))
    finally:
        pool.shutdown(cancel_futures=True)
    if wrong:
        pictures = f"{len(wrong)} of {len(kept) + len(wrong)} pictures"
        raise ValueError("\n  ".join([f"{pictures} cannot be trained on:", *wrong]))
    return Photographs(kept)


def _kept(
    source: Source, cache: Path, smallest: int, shrinking: Shrinking | None
) -> tuple[list[Files], list[str]]:
    """Return the array files of a source's pictures, and what is wrong with the other pictures."""
    kept, wrong = [], []
    try:
        for original in source.originals(cache):
            if original.low is not None and (shrinking is None or shrinking.kind != "bi"):
                raise ValueError(
                    f"{original.name} comes with its low-resolution version, which needs "
                    "model.scale and data.degradation = 'bi'; give these, or pictures without it"
                )
            try:
                kept.append(_arrays(original, cache, smallest, shrinking))
            except (ValueError, MemoryError) as error:
                wrong.append(str(error) or f"{original.name} does not fit into memory")
    except ValueError as error:
        wrong.append(str(error))
    return kept, wrong


def _arrays(original: Original, cache: Path, smallest: int, shrinking: Shrinking | None) -> Files:
    file = high_file(cache, original.key)
    high = keep(file, lambda: _rgb(original.decode()))
    if min(high.shape[:2]) < smallest:
        raise ValueError(
            f"{original.name} is {high.shape[1]}×{high.shape[0]}; crops need at least {smallest} "
            "pixels a side (data.patch plus data.margin, times the scale)"
        )
    if shrinking is None:
        return Files(original.name, file, file)
    scale, kind = shrinking
    if original.low is not None:
        return Files(original.name, file, _given(original, original.low, high, cache, scale))
    mark, shrink = (f"low-bd-x{scale}", bd) if kind == "bd" else (f"low-x{scale}", bi)
    low = cache / f"{original.key}.{mark}.npy"
    keep(low, lambda: shrink(np.asarray(high), scale))
    return Files(original.name, file, low)


def _given(original: Original, given: Original, high: np.ndarray, cache: Path, scale: int) -> Path:
    """Return the array file of the low-resolution version that a picture comes with."""
    file = high_file(cache, given.key)
    low = keep(file, lambda: _rgb(given.decode()))
    (height, width), (h, w) = high.shape[:2], (scale * side for side in low.shape[:2])
    if not (0 <= height - h < scale and 0 <= width - w < scale):
        raise ValueError(
            f"{given.name} is {low.shape[1]}×{low.shape[0]} but {original.name} {width}×{height}; "
            f"at scale {scale} that must be {w}×{h}, or up to {scale - 1} px larger a side"
        )
    return file


def _rgb(picture: Picture) -> np.ndarray:
    colour = picture.at_depth(8).colour
    return np.broadcast_to(colour, (*colour.shape[:2], 3))
