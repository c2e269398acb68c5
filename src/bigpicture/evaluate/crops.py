"""Crops of the places in a benchmark where models differ most.

    Restored (pictures (1, c, H, W)) ──▶ windows that differ most ──▶ Crop: reference, bicubic, …

The difference at a pixel is the range of the models' grays, the means of R, G and B. A single model
is compared with bicubic enlargement. The best window of every picture comes before any picture's
second window.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from bigpicture.evaluate.bicubic import bicubic
from bigpicture.evaluate.run import Restored
from bigpicture.image.picture import quantise
from bigpicture.image.resize import resize
from bigpicture.metrics.psnr import psnr
from bigpicture.shapes import Float, Tensor, UInt8

__all__ = ["Crop", "Gallery", "error_map", "windows"]

BICUBIC = "bicubic"
SIDE = 96  # side of a window, in pixels of the reference
_OVERVIEW = 240  # height of the whole picture, in pixels
_FRAME = (255, 40, 40)
_WINDOWS_EACH = 2  # at most, of a picture

Levels = UInt8[np.ndarray, "_ _ 3"]


@dataclass(frozen=True)
class Crop:
    """A window of a picture.

    Attributes:
        benchmark: Name of the set.
        name: Name of the picture.
        scale: Enlargement of each side.
        place: Top and left of the window, in pixels of the reference.
        difference: Mean difference between the models' grays in it, in 8-bit levels.
        overview: The whole reference, small, with a frame around the window.
        reference: The window of the reference.
        restored: The window of each restored picture, by model.
        scores: PSNR of the window over RGB in dB, by model.
    """

    benchmark: str
    name: str
    scale: int | float
    place: tuple[int, int]
    difference: float
    overview: Levels
    reference: Levels
    restored: dict[str, Levels]
    scores: dict[str, float]


class Gallery:
    """Watches an evaluation and keeps the windows where its models differ most.

    Args:
        count: Number of windows to keep.
        benchmark: Name of the set.
        scale: Enlargement of each side.
    """

    def __init__(self, count: int, benchmark: str, scale: int | float) -> None:
        self.count = count
        self.benchmark = benchmark
        self.scale = scale
        self._kept: list[tuple[int, Crop]] = []

    @property
    def crops(self) -> list[Crop]:
        """The windows kept so far, those with the greatest difference first."""
        return sorted((crop for _, crop in self._kept), key=lambda crop: -crop.difference)

    def watch(self, restored: Restored) -> None:
        """Look at a picture and at what the models made of it.

        Raises:
            ValueError: If the picture has no reference.
        """
        if restored.pair.reference is None:
            raise ValueError(f"{restored.pair.name} has no reference to compare crops with")
        pictures = {model: _rgb(picture[0]) for model, picture in restored.pictures.items()}
        enlarged = pictures.pop(BICUBIC, None)
        if enlarged is None:
            enlarged = _rgb(bicubic(self.scale)(restored.pair.low[None].cpu())[0])
        pictures = {BICUBIC: enlarged, **pictures}
        models = [model for model in pictures if model in restored.pictures]
        grays = torch.stack([pictures[m].mean(0) for m in (models if models[1:] else pictures)])
        apart = grays.amax(0) - grays.amin(0)
        border = math.ceil(self.scale)
        for choice, (place, difference) in enumerate(windows(apart, SIDE, border, _WINDOWS_EACH)):
            order = (choice, -difference)
            if len(self._kept) == self.count and order >= _order(self._kept[-1]):
                break
            reference = _rgb(restored.pair.reference)
            crop = self._cut(restored.pair.name, reference, pictures, place, difference)
            self._kept.append((choice, crop))
            self._kept.sort(key=_order)
            del self._kept[self.count :]

    def _cut(
        self,
        name: str,
        reference: Float[Tensor, "3 H W"],
        pictures: dict[str, Float[Tensor, "3 H W"]],
        place: tuple[int, int],
        difference: float,
    ) -> Crop:
        top, left = place
        area = (..., slice(top, top + SIDE), slice(left, left + SIDE))
        cut = {model: picture[area] for model, picture in pictures.items()}
        return Crop(
            self.benchmark,
            name,
            self.scale,
            place,
            difference * 255,
            _overview(reference, place),
            _levels(reference[area]),
            {model: _levels(picture) for model, picture in cut.items()},
            {m: psnr(picture, reference[area], peak=1).item() for m, picture in cut.items()},
        )


def windows(
    apart: Float[Tensor, "H W"], side: int, border: int, count: int
) -> list[tuple[tuple[int, int], float]]:
    """Return non-overlapping windows with the largest means.

    Args:
        apart: The values to average.
        side: Side of a window; windows of smaller pictures are as large as the picture.
        border: Rows and columns along each border that count as 0.
        count: Greatest number of windows.

    Returns:
        Top and left of each window, and its mean; the largest mean first.

    >>> flat = torch.zeros(8, 8)
    >>> flat[5, 6] = 1
    >>> windows(flat, 2, 0, 1)
    [((4, 5), 0.25)]
    """
    inner = torch.zeros_like(apart)
    h, w = apart.shape
    inside = (slice(border, h - border), slice(border, w - border))
    inner[inside] = apart[inside]
    height, width = min(side, h), min(side, w)
    total = F.pad(inner.double().cumsum(0).cumsum(1), (1, 0, 1, 0))
    means = total[height:, width:] - total[:-height, width:]
    means = (means - total[height:, :-width] + total[:-height, :-width]) / (height * width)
    found: list[tuple[tuple[int, int], float]] = []
    for _ in range(count):
        top, left = divmod(int(means.argmax()), means.shape[1])
        if found and means[top, left] <= 1e-12:  # rounding errors of the sums
            break
        found.append(((top, left), means[top, left].item()))
        beside = (max(0, top - height + 1), max(0, left - width + 1))
        means[beside[0] : top + height, beside[1] : left + width] = 0
    return found


def error_map(restored: Levels, reference: Levels, limit: int) -> Levels:
    """Show each pixel's mean absolute error in colours from black through red to light yellow.

    Args:
        restored: A restored picture.
        reference: Its reference.
        limit: The error, in levels, from which on the colour is the lightest.
    """
    error = np.abs(restored.astype(np.float32) - reference).mean(axis=2) / limit
    places = np.linspace(0, 1, len(_COLOURS))
    mapped = [np.interp(error, places, [colour[c] for colour in _COLOURS]) for c in range(3)]
    return np.stack(mapped, axis=-1).round().astype(np.uint8)


_COLOURS = [(0, 0, 0), (70, 10, 80), (170, 40, 80), (230, 90, 30), (250, 180, 40), (255, 255, 200)]


def _order(kept: tuple[int, Crop]) -> tuple[int, float]:
    choice, crop = kept
    return choice, -crop.difference / 255


def _rgb(picture: Float[Tensor, "c H W"]) -> Float[Tensor, "3 H W"]:
    """Return a picture rounded to 8 bits, in float32 on the CPU; gray in three channels."""
    levels = picture.float().cpu().clamp(0, 1).mul(255).round().div(255)
    return levels.expand(3, -1, -1)


def _levels(picture: Float[Tensor, "3 H W"]) -> Levels:
    return quantise(np.ascontiguousarray(picture.permute(1, 2, 0).numpy()), 8)


def _overview(reference: Float[Tensor, "3 H W"], place: tuple[int, int]) -> Levels:
    h, w = reference.shape[1:]
    shrink = min(1, _OVERVIEW / h, 1.5 * _OVERVIEW / w)
    size = (max(1, round(h * shrink)), max(1, round(w * shrink)))
    small = _levels(resize(reference, size=size).clamp(0, 1))
    (y0, y1), (x0, x1) = (
        (round(start * shrink), round(min(start + SIDE, side) * shrink))
        for start, side in zip(place, (h, w), strict=True)
    )
    inside = small[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].copy()
    small[y0:y1, x0:x1] = _FRAME
    small[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2] = inside
    return small
