"""`bigpicture analyse attribution`: which pixels contribute to a part of an enlargement."""

import math
import re
from pathlib import Path
from typing import Annotated

import typer

from bigpicture.app.analyse.figure import Out, drawing, read_colour
from bigpicture.app.analyse.inputs import Input, check_scale, labels
from bigpicture.app.console import bar, refuse
from bigpicture.app.options import COMPUTED, Device, load_model, parse_pixel


# Longer than other functions: the parameters are the command's options, each with its help.
def attribution(
    picture: Input,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A name from `bigpicture models list`, or a weight file (default: uhdn-x2). "
            "Repeatable."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,ROW",
            help="Pixel of the picture that the window lies on (default: where most detail is).",
        ),
    ] = None,
    window: Annotated[
        int, typer.Option(min=1, help="Side of the window in pixels of the enlarged picture.")
    ] = 16,
    crop: Annotated[
        str,
        typer.Option(
            metavar="PIXELS|off",
            help="Side of the crop around the window that is analysed. off analyses the whole "
            "picture, which takes as much memory as training on it.",
        ),
    ] = "128",
    scale: Annotated[
        float | None, typer.Option(help="Enlargement factor, for networks that render any scale.")
    ] = None,
    sigma: Annotated[
        float, typer.Option(help="Standard deviation of the path's initial blur, in pixels.")
    ] = 1.2,
    steps: Annotated[
        int, typer.Option(min=1, help="Steps of the path; more are more accurate.")
    ] = 50,
    batch: Annotated[
        int,
        typer.Option(
            min=1,
            help="Steps computed at once: faster on a GPU, but memory grows in proportion.",
            rich_help_panel=COMPUTED,
        ),
    ] = 1,
    out: Out = None,
    device: Device = "auto",
) -> None:
    """Show how much of a picture networks use for a part of its enlargement.

    Draws a local attribution map (integrated gradients along a blur path) for each network, with
    its diffusion index.

    bigpicture analyse attribution cat.jpg --model uhdn-x2 --at 120,80
    """
    file = out or Path(f"{picture.stem}_attribution.png")
    check_scale(scale)
    asked, side = parse_pixel(at), _side(crop)
    with drawing(file, picture, *(model or ())):
        from bigpicture.analysis.attribution import BlurPath
        from bigpicture.analysis.attribution_figure import attributed, show_attributions
        from bigpicture.analysis.figure import save_figure
        from bigpicture.analysis.windows import around, busiest

        path = BlurPath(sigma, steps)
        models = {
            label: load_model(name, device) for label, name in labels(model or ["uhdn-x2"]).items()
        }
        low = read_colour(picture)
        least = min(scale or each.scale for each in models.values())
        place = busiest(low, math.ceil(window / least)) if asked is None else asked
        rows, columns = around(low, place, side)
        low = low[..., rows, columns]
        found = {}
        with bar(len(models) * steps) as shown:
            for name, each in models.items():
                shown.name(name)
                before = len(found) * steps
                found[name] = attributed(
                    each,
                    low,
                    (place[0] - rows.start, place[1] - columns.start),
                    window,
                    path,
                    scale=scale,
                    batch=batch,
                    advance=lambda done, before=before: shown.reach(before + done),
                )
        save_figure(file, *show_attributions(low, found, path, place, (rows, columns)))


def _side(crop: str) -> int | None:
    """Return the side of a crop, or None for "off"; refuse anything else."""
    if crop == "off":
        return None
    if not re.fullmatch(r"[1-9]\d*", crop):
        refuse(f"--crop {crop}: give off, or the side of the crop in pixels, such as 128")
    return int(crop)
