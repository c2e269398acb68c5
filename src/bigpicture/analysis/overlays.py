"""The figure of what operators look at: their weights over the picture, one operator per row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from bigpicture.analysis.context import Look
from bigpicture.analysis.operators import some_of
from bigpicture.analysis.panels import Frame, Overlay, Panel, Shown
from bigpicture.shapes import Float, Tensor

__all__ = ["over_picture", "show_looks"]

_WIDEST = 32  # most cells per side in the JSON file


def show_looks(
    found: Mapping[str, Sequence[Look]],
    low: Float[Tensor, "1 c h w"],
    pixel: tuple[int, int],
    pattern: str | None = None,
    operators: int = 3,
    maps: int = 6,
) -> tuple[list[Panel], str, dict[str, Any], int]:
    """Return the panels, the caption, the numbers and the columns of a figure of looks.

    Args:
        found: By the operators' names.
        low: The picture.
        pixel: Row and column of the pixel that asks.
        pattern: Which operators to show, by name, such as `head.*`.
        operators: Maximum number of operators shown: of more, the first, the last and some in
            between.
        maps: Maximum number of maps shown per operator, from the first on.

    Raises:
        ValueError: If no operator's name matches the pattern.
    """
    chosen = some_of(list(found), pattern, operators)
    columns = 1 + max(min(len(found[name]), maps) for name in chosen)
    height, width = low.shape[-2:]
    frame, aspect = _around(pixel, low), height / width
    panels: list[Panel] = []
    for name in chosen:
        row: list[Panel] = [
            Shown(name, low[0], frame if any(look.asked for look in found[name]) else None)
        ]
        row += [_overlay(look, low, frame if look.asked else None) for look in found[name][:maps]]
        panels += [*row, *[_Blank(aspect)] * (columns - len(row))]
    caption = f"What {len(chosen)} of {len(found)} operators look at: {', '.join(chosen)}."
    caption += " DI: diffusion index (100: the whole picture equally)."
    if any(look.asked for name in chosen for look in found[name]):
        caption += f" The asking pixel is in column {pixel[1]}, row {pixel[0]}."
    numbers = {
        "picture": [width, height],
        "pixel": [pixel[1], pixel[0]],
        "operators": [
            {"name": name, "looks": [_numbers(look, height, width) for look in own]}
            for name, own in found.items()
        ],
    }
    return panels, caption, numbers, columns


def _overlay(look: Look, low: Tensor, frame: Frame | None) -> Overlay:
    title = f"{look.of} (DI {look.diffusion:.3g})"
    return Overlay(title, low[0], over_picture(look, low.shape[-2], low.shape[-1]), "", frame)


def over_picture(look: Look, height: int, width: int) -> Float[Tensor, "y x"]:
    """Return weights on a grid that covers exactly the picture.

    If `look` covers more or less than the picture, each pixel gets the weight of the cell in which
    it lies, or 0 where there is no cell.
    """
    if look.covers == (height, width):
        return look.weights
    rows, columns = (
        torch.floor((torch.arange(side) + 0.5) * cells / covered).long()
        for side, cells, covered in zip(
            (height, width), look.weights.shape, look.covers, strict=True
        )
    )
    inside = (rows < look.weights.shape[0])[:, None] & (columns < look.weights.shape[1])
    near = look.weights[rows.clamp(max=look.weights.shape[0] - 1)][
        :, columns.clamp(max=look.weights.shape[1] - 1)
    ]
    return torch.where(inside, near, 0.0)


def _around(pixel: tuple[int, int], low: Tensor) -> Frame:
    """Return a frame around a pixel, large enough to be visible."""
    reach = max(2, max(low.shape[-2:]) // 60)
    top, left = (own - reach for own in pixel)
    return slice(top, top + 2 * reach + 1), slice(left, left + 2 * reach + 1)


def _numbers(look: Look, height: int, width: int) -> dict[str, Any]:
    """Return the numbers for JSON; larger grids are averaged to 32 cells per side."""
    rows, columns = look.weights.shape
    row, column = look.brightest(height, width)
    pooled = F.adaptive_avg_pool2d(look.weights[None], (min(rows, _WIDEST), min(columns, _WIDEST)))
    return {
        "of": look.of,
        "grid": [columns, rows],
        "covers": [look.covers[1], look.covers[0]],
        "diffusion_index": look.diffusion,
        "brightest": [column, row],
        "mean": look.weights.mean().item(),
        "largest": look.weights.max().item(),
        "weights": pooled[0].tolist(),
    }


@dataclass(frozen=True)
class _Blank:
    """An empty panel that fills up a row."""

    aspect: float
    title: str = ""

    def draw(self, axes: Any) -> None:  # noqa: ANN401
        axes.set_axis_off()
