"""A picture that shows what a network adds: bicubic | ours, zoomed in where there is most detail.

    low (h, w), restored (H, W) ──▶ whole picture with a frame │ bicubic │ restored

The frame marks the window of the low-resolution picture with the most gradient. Both crops are
magnified by whole pixels, so that they show the stored values. Transparent pixels are shown on
white. If only the middle of an enlargement was kept, the window lies inside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import pyvips
import torch

from bigpicture.image import Picture, quantise, to_float
from bigpicture.image.resize import resize
from bigpicture.shapes import Float, Tensor, UInt8

_PANEL = 384  # height of each of the three parts, in pixels
_WINDOW = 64  # most low-resolution pixels in a crop
_MARGIN = 8  # around a crop, so that bicubic meets no borders except the picture's own
_CAPTION = 30
_GAP = 8
_FRAME = (255, 40, 40)

Panel = UInt8[np.ndarray, "_ _ 3"]


@dataclass(frozen=True)
class _Grid:
    """Where low-resolution pixel i lies in the result, for each axis: at `ratio` · i − `before`."""

    ratio: tuple[float, float]
    before: tuple[int, int]

    @property
    def least(self) -> tuple[int, int]:
        """Sides of a window that, wherever it lies, contains pixels of the result."""
        return ceil(2 / self.ratio[0]), ceil(2 / self.ratio[1])

    def at(self, row: int, column: int) -> tuple[int, int]:
        """Return the nearest pixel in the result's grid, which may lie outside the result."""
        return (
            round(row * self.ratio[0]) - self.before[0],
            round(column * self.ratio[1]) - self.before[1],
        )

    def inside(
        self, window: tuple[int, int, int, int], size: Sequence[int]
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the corners of a window, clipped to a result of `size` (rows, columns)."""
        top, left, height, width = window
        upper, start = self.at(top, left)
        lower, stop = self.at(top + height, left + width)
        return (max(0, upper), max(0, start)), (min(size[0], lower), min(size[1], stop))


def compare(
    low: Picture, restored: Picture, name: str, size: tuple[int, int] | None = None
) -> Picture:
    """Compare a restored picture with bicubic enlargement, in an 8-bit picture.

    Args:
        low: The picture that was enlarged.
        restored: The result, of any size.
        name: Caption of the restored crop.
        size: Height and width of the whole enlargement, if `restored` is only its middle.
    """
    before, after = _on_white(low), _on_white(restored)
    kept = (restored.height, restored.width)
    ratio = [whole / side for whole, side in zip(size or kept, before.shape[1:], strict=True)]
    cut = [(whole - side) // 2 for whole, side in zip(size or kept, kept, strict=True)]
    grid = _Grid((ratio[0], ratio[1]), (cut[0], cut[1]))
    window = _busiest(before, _seen(before.shape[1:], kept, grid), grid.least)
    bicubic, ours = _crops(before, after, window, grid)
    whole = _framed(after, window, grid)
    sizes = f"{low.width} × {low.height} → {restored.width} × {restored.height}"
    parts = [(whole, sizes), (_magnified(bicubic), "bicubic"), (_magnified(ours), name)]
    rows = max(panel.shape[0] for panel, _ in parts)
    columns = [_captioned(panel, text, rows) for panel, text in parts]
    gap = np.full((rows + _CAPTION, _GAP, 3), 255, np.uint8)
    return Picture(np.hstack([columns[0], gap, columns[1], gap, columns[2]]))


def _seen(low: Sequence[int], kept: tuple[int, int], grid: _Grid) -> tuple[slice, slice]:
    """Return the rows and columns of the low-resolution picture that are entirely in the result."""
    found = []
    for side, high, ratio, cut in zip(low, kept, grid.ratio, grid.before, strict=True):
        first, stop = ceil(cut / ratio), min(side, int((cut + high) / ratio + 1e-6))
        if stop <= first:  # the result lies within one low-resolution pixel
            first = int((cut + high / 2) / ratio)
        found.append(slice(first, max(first + 1, stop)))
    return found[0], found[1]


def _on_white(picture: Picture) -> Float[Tensor, "3 h w"]:
    colour = picture.colour_tensor().clamp(0, 1).expand(3, -1, -1)
    alpha = picture.alpha_tensor()
    return colour if alpha is None else colour * alpha + (1 - alpha)


def _busiest(
    image: Float[Tensor, "3 h w"],
    seen: tuple[slice, slice] = (slice(None), slice(None)),
    least: tuple[int, int] = (1, 1),
) -> tuple[int, int, int, int]:
    """Return top, left, height and width of the window with the most gradient inside `seen`.

    Its sides are at least `least`, as far as `seen` allows.
    """
    gray = image[(..., *seen)].mean(0)
    height, width = (min(max(_WINDOW, n), side) for n, side in zip(least, gray.shape, strict=True))
    detail = torch.zeros_like(gray, dtype=torch.float64)
    detail[1:] += gray.diff(dim=0).abs()
    detail[:, 1:] += gray.diff(dim=1).abs()
    total = torch.nn.functional.pad(detail.cumsum(0).cumsum(1), (1, 0, 1, 0))
    inside = total[height:, width:] - total[:-height, width:]
    inside += total[:-height, :-width] - total[height:, :-width]
    top, left = divmod(int(inside.argmax()), inside.shape[1])
    return top + (seen[0].start or 0), left + (seen[1].start or 0), height, width


def _crops(
    before: Float[Tensor, "3 h w"],
    after: Float[Tensor, "3 H W"],
    window: tuple[int, int, int, int],
    grid: _Grid,
) -> tuple[Panel, Panel]:
    """Return the window from the bicubic enlargement and from the restored picture."""
    top, left, height, width = window
    (y0, y1), (x0, x1) = (
        (max(0, start - _MARGIN), min(side, start + length + _MARGIN))
        for start, length, side in zip((top, left), (height, width), before.shape[1:], strict=True)
    )
    first, last = grid.at(y0, x0), grid.at(y1, x1)
    bicubic = resize(before[:, y0:y1, x0:x1], size=(last[0] - first[0], last[1] - first[1]))
    (upper, start), (lower, stop) = grid.inside(window, after.shape[1:])
    cut = bicubic[:, upper - first[0] : lower - first[0], start - first[1] : stop - first[1]]
    return _levels(cut.clamp(0, 1)), _levels(after[:, upper:lower, start:stop])


def _framed(after: Float[Tensor, "3 H W"], window: tuple[int, int, int, int], grid: _Grid) -> Panel:
    """Return the whole picture, scaled to a panel's height, with a frame around the window."""
    shrink = min(_PANEL / after.shape[1], 1.5 * _PANEL / after.shape[2])
    size = tuple(max(1, round(side * shrink)) for side in after.shape[1:])
    panel = _levels(resize(after, size=(size[0], size[1])).clamp(0, 1))
    (y0, x0), (y1, x1) = (
        tuple(round(edge * shrink) for edge in corner)
        for corner in grid.inside(window, after.shape[1:])
    )
    outer, inner = (slice(y0, y1), slice(x0, x1)), (slice(y0 + 2, y1 - 2), slice(x0 + 2, x1 - 2))
    kept = panel[inner].copy()
    panel[outer] = _FRAME
    panel[inner] = kept
    return panel


def _magnified(crop: Panel) -> Panel:
    times = max(1, round(_PANEL / max(crop.shape[:2])))
    return crop.repeat(times, axis=0).repeat(times, axis=1)


def _captioned(panel: Panel, text: str, rows: int) -> Panel:
    """Return a panel below its caption, on a white sheet wide enough for both."""
    written = _text(text)
    width = max(panel.shape[1], written.shape[1] + 8)
    sheet = np.full((rows + _CAPTION, width, 3), 255, np.uint8)
    sheet[_CAPTION : _CAPTION + panel.shape[0], : panel.shape[1]] = panel
    height = min(written.shape[0], _CAPTION)
    start = (_CAPTION - height) // 2
    sheet[start : start + height, 4 : 4 + written.shape[1]] = 255 - written[:height, :, None]
    return sheet


def _text(text: str) -> UInt8[np.ndarray, "_ _"]:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")  # Pango parses markup
    try:
        return pyvips.Image.text(escaped, font="sans 12", dpi=96).numpy()
    except pyvips.Error:  # the system has no font: leave the caption blank
        return np.zeros((1, 1), np.uint8)


def _levels(image: Float[Tensor, "3 h w"]) -> Panel:
    return quantise(to_float(image.permute(1, 2, 0).numpy()), 8)
