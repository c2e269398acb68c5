"""Scores and crops as one HTML file that opens anywhere: no script, no server, no other files.

tables, crops ──▶ "<!doctype html>…", with embedded PNG pictures
"""

import base64
from collections.abc import Sequence
from html import escape

import numpy as np

from bigpicture.evaluate.crops import Crop, error_map
from bigpicture.evaluate.formats import Table
from bigpicture.evaluate.table import number
from bigpicture.image.picture import Picture
from bigpicture.image.write import encode
from bigpicture.shapes import UInt8

__all__ = ["page"]

_ZOOM = 3  # screen pixels per pixel of a crop
_STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #888; }
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .2rem; }
p { margin: .2rem 0 .8rem; color: var(--soft); max-width: 60rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
th, td { padding: .2rem .7rem; text-align: right; } th { font-weight: 600; }
th.word, td.word { text-align: left; }
thead tr:last-child th { border-bottom: 1px solid var(--line); }
tr.break td { border-top: 1px solid var(--line); } th.group { text-align: center; }
.crops { display: flex; gap: .6rem; align-items: flex-start; overflow-x: auto; }
figure { margin: 0; flex: none; } figcaption { font-size: .85rem; padding-bottom: .3rem; }
figcaption small { color: var(--soft); }
img { display: block; image-rendering: pixelated; margin-bottom: .5rem; }
img.whole { image-rendering: auto; }
"""


def page(title: str, about: str, tables: Sequence[Table], crops: Sequence[Crop]) -> str:
    """Return a page with tables, and crops side by side above their error maps.

    Args:
        title: Title of the page.
        about: How everything was measured, in a sentence.
        tables: Tables above the crops.
        crops: Crops in the order in which they are shown.
    """
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f"<h1>{escape(title)}</h1><p>{escape(about)}</p>",
        *map(_table, tables),
    ]
    if crops:
        parts.append(
            "<p>Below are the places where the results differ most, magnified "
            f"{_ZOOM} times. Under each crop is its error: the mean absolute difference from the "
            "original, black where there is none.</p>"
        )
    parts += map(_section, crops)
    return "\n".join(parts) + "\n</html>\n"


def _section(crop: Crop) -> str:
    limit = _limit(crop)
    where = f"{crop.benchmark}, " if crop.benchmark else ""
    top, left = crop.place
    heading = f"{where}{crop.name}, ×{crop.scale:g}"
    about = (
        f"Row {top}, column {left}. The results lie {crop.difference:.1f} levels of 255 apart on "
        f"average; the lightest colour is an error of {limit} levels or more. "
        "dB are of the crop, over RGB."
    )
    whole = _image(crop.overview, 1, "whole")
    figures = [f"<figure><figcaption>whole picture</figcaption>{whole}</figure>"]
    figures.append(_figure("original", "", crop.reference, None))
    for model, restored in crop.restored.items():
        score = f"{number('psnr', crop.scores[model])} dB here"
        errors = error_map(restored, crop.reference, limit)
        figures.append(_figure(model, score, restored, errors))
    return (
        f'<h2>{escape(heading)}</h2><p>{escape(about)}</p><div class="crops">'
        + "".join(figures)
        + "</div>"
    )


def _limit(crop: Crop) -> int:
    """Return an error that nearly all pixels of a crop stay below, in steps of 8 levels."""
    reference = crop.reference.astype(np.float32)
    errors = [np.abs(restored - reference).mean(axis=2) for restored in crop.restored.values()]
    return 8 * max(1, int(np.ceil(np.quantile(np.stack(errors), 0.995) / 8)))


def _figure(
    name: str, score: str, picture: UInt8[np.ndarray, "_ _ 3"], errors: np.ndarray | None
) -> str:
    caption = escape(name) + (f" <small>{escape(score)}</small>" if score else "")
    images = _image(picture, _ZOOM) + ("" if errors is None else _image(errors, _ZOOM))
    return f"<figure><figcaption>{caption}</figcaption>{images}</figure>"


def _image(levels: UInt8[np.ndarray, "_ _ 3"], zoom: int, kind: str = "") -> str:
    content = base64.b64encode(encode(Picture(levels), "png")).decode("ascii")
    h, w = levels.shape[:2]
    named = f' class="{kind}"' if kind else ""
    return (
        f'<img{named} alt="" width="{zoom * w}" height="{zoom * h}" '
        f'src="data:image/png;base64,{content}">'
    )


def _table(table: Table) -> str:
    lines = ["<table>"]
    if table.title:
        lines.append(f"<caption>{escape(table.title)}</caption>")
    lines.append("<thead>")
    if table.groups:
        over = (
            f'<th class="group" colspan="{count}">{escape(title)}</th>'
            for title, count in table.groups
        )
        lines.append(f"<tr>{''.join(over)}</tr>")
    lines.append(f"<tr>{_cells(table.header, table.left, 'th')}</tr></thead><tbody>")
    for index, row in enumerate(table.rows):
        named = ' class="break"' if index in table.breaks else ""
        lines.append(f"<tr{named}>{_cells(row, table.left, 'td')}</tr>")
    return "\n".join([*lines, "</tbody></table>"])


def _cells(cells: Sequence[str], left: int, tag: str) -> str:
    return "".join(
        f"<{tag}{' class=word' if i < left else ''}>{escape(cell)}</{tag}>"
        for i, cell in enumerate(cells)
    )
