"""Figures: panels above a caption, as a PNG, with a JSON file of their numbers beside it.

    panels, caption, numbers ──▶ NAME.png, NAME.json

They are drawn by matplotlib, from the extra `analysis`. Its Agg renderer needs no screen, and
without pyplot, no state is kept between figures and any thread may draw.
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

_WIDTH = 4.2  # of a panel, in inches
_TALLEST = 2.0  # height of a row's panels over their width
_DOTS = 120  # per inch
_LETTERS = 15  # of the caption, per inch
_GAP = 0.15  # above the caption, in inches


def check_figure(file: Path) -> None:
    """Check that a figure can be drawn and written, before any work is done for it.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: If the name does not end in `.png`.
        OSError: If the folder does not exist.
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
    """Write a figure and its numbers.

    Args:
        file: A name that ends in `.png`.
        panels: From left to right, then from top to bottom.
        caption: What the figure shows, written below it and into both files.
        numbers: The contents of the JSON file: strings, finite numbers, lists, mappings.
        columns: Maximum number of panels side by side; by default 2 for 4 panels, else 3.

    Returns:
        The PNG and the JSON file, which is `file` with `.json` in place of `.png`.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: If there are no panels, `file` is not a PNG, or a number is NaN or infinite.
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
    """Return indented JSON, except that each list of numbers is on one line."""
    text = json.dumps(numbers, indent=2, allow_nan=False)
    # strings in JSON contain no line breaks, so none of them can match
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
        axes.set_title(panel.title, fontsize="medium", parse_math=False)
        panel.draw(axes)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    figure.draw_without_rendering()  # the layout uses less height than the figure has
    figure.set_layout_engine("none")
    lowest = min(axes.get_tightbbox().y0 for axes in grid.flat[: len(panels)]) / _DOTS
    figure.text(
        0.01,
        (lowest - _GAP) / size[1],
        "\n".join(lines),
        va="top",
        fontsize="small",
        parse_math=False,  # $ in a file's name begins no formula
    )
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
