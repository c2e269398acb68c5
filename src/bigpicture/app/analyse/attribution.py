"""`bigpicture analyse attribution`: which pixels a part of an enlargement is made of."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bigpicture.app.analyse.figure import Out, drawing, read_colour
from bigpicture.app.analyse.inputs import Input, check_scale
from bigpicture.app.console import bar, refuse
from bigpicture.app.options import COMPUTED, Device, load_model, parse_pixel


# The parameters are the command's options, each with its help: longer than other functions.
def attribution(
    picture: Input,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A name from `bigpicture models list`, or a weight file; uhdn-x2 if none is "
            "given. May be given several times."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,ROW",
            help="The pixel of the picture that the window lies on; else where most detail is.",
        ),
    ] = None,
    window: Annotated[
        int, typer.Option(min=1, help="Side of the window, in pixels of the enlarged picture.")
    ] = 16,
    crop: Annotated[
        str,
        typer.Option(
            metavar="PIXELS|off",
            help="Side of the part of the picture around the window that is looked at; off: all of "
            "it, which takes memory as training does.",
        ),
    ] = "128",
    scale: Annotated[
        float | None, typer.Option(help="Enlargement, of networks that render any.")
    ] = None,
    sigma: Annotated[
        float, typer.Option(help="Of the blur that begins the path, in pixels.")
    ] = 1.2,
    steps: Annotated[int, typer.Option(min=1, help="Of the path: more are more exact.")] = 50,
    batch: Annotated[
        int,
        typer.Option(
            min=1,
            help="Steps at once: faster on a GPU, but as much more memory.",
            rich_help_panel=COMPUTED,
        ),
    ] = 1,
    out: Out = None,
    device: Device = "auto",
) -> None:
    """Show how much of a picture networks use for a part of its enlargement.

    A local attribution map (integrated gradients along a blur path) with its diffusion index, for
    each network.

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
            label: load_model(name, device) for label, name in _labels(model or ["uhdn-x2"]).items()
        }
        low = read_colour(picture)
        least = min(scale or each.scale for each in models.values())
        place = busiest(low, math.ceil(window / least)) if asked is None else asked
        low, place = around(low, place, side)
        found = {}
        with bar(len(models) * steps) as shown:
            for name, each in models.items():
                shown.name(name)
                before = len(found) * steps
                found[name] = attributed(
                    each,
                    low,
                    place,
                    window,
                    path,
                    scale=scale,
                    batch=batch,
                    advance=lambda done, before=before: shown.reach(before + done),
                )
        save_figure(file, *show_attributions(low, found, path))


def _labels(names: Sequence[str]) -> dict[str, str]:
    """Return what models are called in the figure: as briefly as tells them apart."""
    stems = Counter(Path(name).stem for name in set(names))
    return {Path(name).stem if stems[Path(name).stem] == 1 else name: name for name in names}


def _side(crop: str) -> int | None:
    """Return the side of a crop, None for no crop; refuse what is neither."""
    if crop == "off":
        return None
    if not re.fullmatch(r"[1-9]\d*", crop):
        refuse(f"--crop {crop}: give off, or the side of the crop in pixels, such as 128")
    return int(crop)
