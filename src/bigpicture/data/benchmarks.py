"""Benchmark sets in the field's folder layouts, as pairs of pictures to restore and compare.

    Set5/HR/NAME.png, Set5/LR_bicubic/X2/NAMEx2.png ──▶ (name, low (c, h, w), reference (c, H, W))

The pictures can be given in three ways: as the benchmark's own folder (whose stored low-resolution
files are used if it has them for this scale, see `bigpicture.data.layouts`), as a folder of
high-resolution files alone (which are shrunk on the fly, by BI unless told otherwise), or as one
folder for each of the two.

Missing files are found when the folders are opened, before hours of work; pixels are read one pair
at a time. References are reduced to 8 bits, which is what the protocols compare, and cropped to the
area that the low-resolution picture covers. Alpha is dropped.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from bigpicture.data.folders import images_in
from bigpicture.data.layouts import find_layout, high_files, low_files, set_name
from bigpicture.degrade.bi import bi, crop_to_scale
from bigpicture.degrade.standard import STANDARD, Degrade, Standard
from bigpicture.image.picture import Picture, quantise, to_float
from bigpicture.image.read import read
from bigpicture.shapes import Float, Tensor


class Pair(NamedTuple):
    """A picture to restore and its reference, if there is one; in [0, 1], gray or RGB."""

    name: str
    low: Float[Tensor, "c h w"]
    reference: Float[Tensor, "c H W"] | None


@dataclass(frozen=True)
class Benchmark:
    """Pairs that are read on demand; each iteration reads them again.

    Attributes:
        high: Files of the references, by name; None if there are none.
        low: Files of the low-resolution pictures, by the same names; None to make them.
        scale: How many times smaller the low-resolution pictures are.
        degrade: Makes the low-resolution pictures where there are no files.
        name: Name of the set.
        degradation: Name of what made the low-resolution pictures, None if unknown.
    """

    high: dict[str, Path] | None
    low: dict[str, Path] | None
    scale: int | float
    degrade: Degrade
    name: str = ""
    degradation: str | None = None

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Pair]:
        return map(self.read, self.names)

    @property
    def names(self) -> list[str]:
        """The names of the pictures, in order."""
        return list(self.high or self.low or ())

    def read(self, name: str) -> Pair:
        """Read a picture, and its reference if there is one.

        Raises:
            ValueError: If a file cannot be read, or the sizes of the pair do not match.
        """
        low = None if self.low is None else self.low[name]
        if self.high is not None:
            high = self.high[name]
            return self._made(name, high) if low is None else self._stored(name, low, high)
        assert low is not None
        return Pair(name, read(low).colour_tensor(), None)

    def _made(self, name: str, file: Path) -> Pair:
        high = _levels(read(file))
        try:
            low = self.degrade(high, self.scale)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error
        return Pair(name, _tensor(low), _tensor(crop_to_scale(high, self.scale)))

    def _stored(self, name: str, file: Path, reference: Path) -> Pair:
        low, high = read(file), _levels(read(reference))
        h, w = (round(self.scale * side) for side in low.colour.shape[:2])
        excess = (high.shape[0] - h, high.shape[1] - w)
        if low.colour.shape[2] != high.shape[2] or not all(0 <= e < self.scale for e in excess):
            raise ValueError(
                f"{file} is {_described(low.colour)} but {reference} is {_described(high)}; "
                f"at scale {self.scale} the second must be {h}×{w}, or up to "
                f"{math.ceil(self.scale) - 1} px larger a side, with as many channels"
            )
        return Pair(name, low.colour_tensor(), _tensor(high[:h, :w]))


def open_benchmark(
    high: Path,
    low: Path | None = None,
    *,
    scale: int | float,
    degrade: Degrade | Standard | None = None,
) -> Benchmark:
    """Find the pairs of a benchmark.

    Args:
        high: A folder of high-resolution files, or a benchmark's folder that contains `HR`
            (`GTmod12`, `image_SRF_2` …).
        low: A folder of low-resolution files, which match by stem: `NAME`, `NAMEx2`, `NAME_x2` …;
            or a folder that contains such a folder as `X2`.
        scale: How many times smaller the low-resolution pictures are.
        degrade: Makes the low-resolution pictures, by name or as a function, even if the benchmark
            has them as files.

    Raises:
        ValueError: If a folder is missing or has no pictures, a file has no partner or two, both
            `low` and `degrade` are given, or `scale` is below 1. While iterating: if a file cannot
            be read or the sizes of a pair do not match.
    """
    if not scale >= 1:
        raise ValueError(f"scale is {scale}; give how many times smaller low is, at least 1")
    if low is not None and degrade is not None:
        raise ValueError(f"low is {low} and degrade is given too; give one of the two")
    layout = find_layout(high, low, scale)
    references = high_files(layout.high, scale)
    if layout.low is None or degrade is not None:
        made_by = "bi" if degrade is None or degrade is bi else degrade
        if callable(made_by):
            return Benchmark(references, None, scale, made_by, layout.name)
        return Benchmark(references, None, scale, STANDARD[made_by], layout.name, made_by)
    partners = low_files(references, layout.low, scale)
    return Benchmark(references, partners, scale, bi, layout.name, layout.degradation)


def open_pictures(folder: Path, *, scale: int | float) -> Benchmark:
    """Open a folder of pictures to restore, without references.

    Args:
        folder: Folder of low-resolution files.
        scale: How many times larger the restored pictures are.

    Raises:
        ValueError: If the folder is missing or has no pictures. While iterating: if a file cannot
            be read.
    """
    files = {file.name: file for file in images_in(folder)}
    return Benchmark(None, files, scale, bi, set_name(folder))


def _levels(picture: Picture) -> np.ndarray:
    """Return a picture's colour in 8 bits."""
    colour = picture.colour
    return colour if colour.dtype == np.uint8 else quantise(to_float(colour), 8)


def _tensor(levels: np.ndarray) -> Float[Tensor, "c h w"]:
    return torch.from_numpy(to_float(levels).transpose(2, 0, 1).copy())


def _described(image: np.ndarray) -> str:
    return f"{image.shape[0]}×{image.shape[1]} with {image.shape[2]} channel(s)"
