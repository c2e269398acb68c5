"""A picture that shows what a network adds: bicubic | ours, zoomed in where most detail is.

    low (h, w), restored (H, W) ──▶ whole picture with a frame │ bicubic │ restored

The frame is the window of the low-resolution picture with the most gradient. Both crops are
magnified by whole pixels, so what is seen is what is stored. Transparent pixels lie on white.
"""

import numpy as np
import pyvips
import torch

from bigpicture.image import Picture, quantise, to_float
from bigpicture.image.resize import resize
from bigpicture.shapes import Float, Tensor, UInt8

_PANEL = 384  # height of each of the three parts, in pixels
_WINDOW = 64  # most low-resolution pixels in a crop
_MARGIN = 8  # around a crop, so that bicubic meets no border that is not the picture's
_CAPTION = 30
_GAP = 8
_FRAME = (255, 40, 40)

Panel = UInt8[np.ndarray, "_ _ 3"]


def compare(low: Picture, restored: Picture, name: str) -> Picture:
    """Return the comparison of a restored picture with bicubic enlargement, in 8 bits.

    Args:
        low: What was enlarged.
        restored: What it became, of any size.
        name: What stands over the restored crop.
    """
    before, after = _on_white(low), _on_white(restored)
    top, left, height, width = _busiest(before)
    ratio = (restored.height / low.height, restored.width / low.width)
    bicubic, ours = _crops(before, after, (top, left, height, width), ratio)
    whole = _framed(after, (top, left, height, width), ratio)
    sizes = f"{low.width} × {low.height} → {restored.width} × {restored.height}"
    parts = [(whole, sizes), (_magnified(bicubic), "bicubic"), (_magnified(ours), name)]
    rows = max(panel.shape[0] for panel, _ in parts)
    columns = [_captioned(panel, text, rows) for panel, text in parts]
    gap = np.full((rows + _CAPTION, _GAP, 3), 255, np.uint8)
    return Picture(np.hstack([columns[0], gap, columns[1], gap, columns[2]]))


def _on_white(picture: Picture) -> Float[Tensor, "3 h w"]:
    colour = picture.colour_tensor().clamp(0, 1).expand(3, -1, -1)
    alpha = picture.alpha_tensor()
    return colour if alpha is None else colour * alpha + (1 - alpha)


def _busiest(image: Float[Tensor, "3 h w"]) -> tuple[int, int, int, int]:
    """Return top, left, height and width of the window with the most gradient."""
    gray = image.mean(0)
    height, width = (min(_WINDOW, side) for side in gray.shape)
    detail = torch.zeros_like(gray, dtype=torch.float64)
    detail[1:] += gray.diff(dim=0).abs()
    detail[:, 1:] += gray.diff(dim=1).abs()
    total = torch.nn.functional.pad(detail.cumsum(0).cumsum(1), (1, 0, 1, 0))
    inside = total[height:, width:] - total[:-height, width:]
    inside += total[:-height, :-width] - total[height:, :-width]
    top, left = divmod(int(inside.argmax()), inside.shape[1])
    return top, left, height, width


def _crops(
    before: Float[Tensor, "3 h w"],
    after: Float[Tensor, "3 H W"],
    window: tuple[int, int, int, int],
    ratio: tuple[float, float],
) -> tuple[Panel, Panel]:
    """Return the window of the picture enlarged by bicubic, and of the restored one."""
    top, left, height, width = window
    wide = [
        (max(0, start - _MARGIN), min(side, start + length + _MARGIN))
        for start, length, side in zip((top, left), (height, width), before.shape[1:], strict=True)
    ]
    (y0, y1), (x0, x1) = wide
    fine = [tuple(round(end * r) for end in ends) for ends, r in zip(wide, ratio, strict=True)]
    size = (fine[0][1] - fine[0][0], fine[1][1] - fine[1][0])
    bicubic = resize(before[:, y0:y1, x0:x1], size=size).clamp(0, 1)
    rows = slice(round(top * ratio[0]), round((top + height) * ratio[0]))
    columns = slice(round(left * ratio[1]), round((left + width) * ratio[1]))
    cut = bicubic[
        :,
        rows.start - fine[0][0] : rows.stop - fine[0][0],
        columns.start - fine[1][0] : columns.stop - fine[1][0],
    ]
    return _levels(cut), _levels(after[:, rows, columns])


def _framed(
    after: Float[Tensor, "3 H W"], window: tuple[int, int, int, int], ratio: tuple[float, float]
) -> Panel:
    """Return the whole picture in the height of a panel, with a frame around the window."""
    shrink = min(_PANEL / after.shape[1], 1.5 * _PANEL / after.shape[2])
    size = tuple(max(1, round(side * shrink)) for side in after.shape[1:])
    panel = _levels(resize(after, size=(size[0], size[1])).clamp(0, 1))
    top, left, height, width = window
    y0, y1 = (round(y * ratio[0] * shrink) for y in (top, top + height))
    x0, x1 = (round(x * ratio[1] * shrink) for x in (left, left + width))
    outer, inner = (slice(y0, y1), slice(x0, x1)), (slice(y0 + 2, y1 - 2), slice(x0 + 2, x1 - 2))
    kept = panel[inner].copy()
    panel[outer] = _FRAME
    panel[inner] = kept
    return panel


def _magnified(crop: Panel) -> Panel:
    times = max(1, round(_PANEL / max(crop.shape[:2])))
    return crop.repeat(times, axis=0).repeat(times, axis=1)


def _captioned(panel: Panel, text: str, rows: int) -> Panel:
    """Return a panel under its caption, on a sheet wide enough for both."""
    written = _text(text)
    width = max(panel.shape[1], written.shape[1] + 8)
    sheet = np.full((rows + _CAPTION, width, 3), 255, np.uint8)
    sheet[_CAPTION : _CAPTION + panel.shape[0], : panel.shape[1]] = panel
    height = min(written.shape[0], _CAPTION)
    start = (_CAPTION - height) // 2
    sheet[start : start + height, 4 : 4 + written.shape[1]] = 255 - written[:height, :, None]
    return sheet


def _text(text: str) -> UInt8[np.ndarray, "_ _"]:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")  # Pango reads markup
    try:
        return pyvips.Image.text(escaped, font="sans 12", dpi=96).numpy()
    except pyvips.Error:  # no font on this system: pictures without captions
        return np.zeros((1, 1), np.uint8)


def _levels(image: Float[Tensor, "3 h w"]) -> Panel:
    return quantise(to_float(image.permute(1, 2, 0).numpy()), 8)
