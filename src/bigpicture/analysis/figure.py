"""Figures: panels side by side over a caption, as PNG, and beside it what they show as numbers.

    panels, caption, numbers ──▶ NAME.png, NAME.json

matplotlib, of the extra `analysis`, draws them; its Agg renderer needs no screen, and as pyplot is
not used, nothing is kept between figures and any thread may draw.
"""

import io
import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bigpicture.analysis.panels import Panel
from bigpicture.image.save import save

__all__ = ["check_figure", "save_figure"]

_WIDTH = 4.2  # inches of a panel
_TALLEST = 2.0
_DOTS = 120  # an inch
_LETTERS = 15  # of a caption, an inch
_GAP = 0.15  # inches above it


def check_figure(file: Path) -> None:
    """Make sure that a figure can be drawn and written, before the work it is to show.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: If the name is not that of a PNG.
        OSError: If the folder is not there.
    """
    _figure_class()
    if file.suffix.lower() != ".png":
        raise ValueError(f"figure {file}: figures are PNGs; give a name that ends in .png")
    if not file.absolute().parent.is_dir():
        raise OSError(f"figure {file}: there is no folder {file.parent}; make it first")


def save_figure(
    file: Path,
    panels: Sequence[Panel],
    caption: str,
    numbers: Mapping[str, Any],
    columns: int | None = None,
) -> tuple[Path, Path]:
    """Write a figure and what it shows.

    Args:
        file: A name that ends in `.png`.
        panels: From left to right, then down.
        caption: What the figure shows, written below it and into both files.
        numbers: What becomes JSON: strings, finite numbers, lists, mappings.
        columns: Most panels side by side; 3, or 2 if there are 4, if None.

    Returns:
        The picture and the JSON file, `file` with `.json` in place of `.png`.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: If there are no panels, `file` is no PNG, or a number is NaN or infinite.
        OSError: If a file cannot be written.
    """
    check_figure(file)
    if not panels:
        raise ValueError("panels are empty; a figure needs one")
    text = _written({"caption": caption, **numbers})
    columns = columns or (2 if len(panels) == 4 else 3)
    drawn = _drawn(panels, caption, min(columns, len(panels)))
    beside = file.with_suffix(".json")
    save(file, [drawn])
    save(beside, [text.encode()])
    return file, beside


def _written(numbers: Mapping[str, Any]) -> str:
    """Return JSON that is indented, but for lists of numbers, which stay in a line."""
    text = json.dumps(numbers, indent=2, allow_nan=False)
    # no string has a line break in JSON
    lists = r"\[\n\s*([-+.\deE,\s]+?)\n\s*\]"
    return re.sub(lists, lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def _drawn(panels: Sequence[Panel], caption: str, columns: int) -> bytes:
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [_WIDTH * min(_TALLEST, max(panel.aspect for panel in row)) + 0.5 for row in rows]
    lines = textwrap.wrap(caption, int(columns * _WIDTH * _LETTERS)) or [""]
    size = columns * _WIDTH, sum(heights) + 0.25 * len(lines)
    figure = _figure_class()(figsize=size, dpi=_DOTS, layout="compressed")
    grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
    for panel, axes in zip(panels, grid.flat, strict=False):
        axes.set_title(panel.title, fontsize="medium")
        panel.draw(axes)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    figure.draw_without_rendering()  # the layout takes less height than there is
    figure.set_layout_engine("none")
    lowest = min(axes.get_tightbbox().y0 for axes in grid.flat[: len(panels)]) / _DOTS
    figure.text(0.01, (lowest - _GAP) / size[1], "\n".join(lines), va="top", fontsize="small")
    buffer = io.BytesIO()
    about = {"Description": caption, "Software": None}
    figure.savefig(buffer, format="png", bbox_inches="tight", metadata=about)
    return buffer.getvalue()


def _figure_class() -> Any:  # noqa: ANN401 - matplotlib is imported only where figures are drawn
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"figures need matplotlib ({error}): pip install 'bigpicture[analysis]'"
        ) from error
    return Figure
