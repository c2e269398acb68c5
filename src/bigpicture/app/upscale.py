"""`bigpicture upscale`: enlarge files and folders."""

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bigpicture.app.console import FAILED, check_report, complain, printable, refuse, say
from bigpicture.app.options import (
    COMPUTED,
    Colour,
    Device,
    Ensemble,
    Precision,
    Tile,
    load_model,
    parse_size,
    parse_tile,
)

_SIZE, _FILES = "Size of the result", "Files"
_MARKS = re.compile(r"_(x\d+(\.\d+)?|\d+x\d+|[wh]\d+)((_[a-z]+)?_compare)?$")
"""Endings of the names of results, see `_mark`, and of comparisons."""


# Longer than other functions: the parameters are the command's options, each with its help.
def upscale(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT",
            help="Pictures, folders or patterns; - reads a list of them from standard input.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A folder, or a file for a single picture. By default, the result of cat.jpg is "
            "cat_x2.jpg beside it.",
            rich_help_panel=_FILES,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A name from `bigpicture models list`, or a weight file. By default, the best "
            "shipped network for --scale; without --scale, the best ×2 network, run as often as "
            "--size, --width or --height need."
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            help="Enlargement factor, such as 2.5 (default: the network's own).",
            rich_help_panel=_SIZE,
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WIDTHxHEIGHT", help="Exact size in pixels.", rich_help_panel=_SIZE),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(min=1, help="Width in pixels; the height follows.", rich_help_panel=_SIZE),
    ] = None,
    height: Annotated[
        int | None,
        typer.Option(min=1, help="Height in pixels; the width follows.", rich_help_panel=_SIZE),
    ] = None,
    framing: Annotated[
        Literal["stretch", "fit", "fill"],
        typer.Option(
            help="If the aspect ratio of --size differs from the picture's: stretch the picture, "
            "fit all of it inside the size, or fill the size and crop the rest.",
            rich_help_panel=_SIZE,
        ),
    ] = "stretch",
    tile: Tile = "auto",
    halo: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Pixels that a tile sees beyond its borders (default: the network's reach, at "
            "most 32 unless --context exact).",
            rich_help_panel=COMPUTED,
        ),
    ] = None,
    sweeps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How often tiles gather the context of the whole picture (default: 2). More "
            "sweeps come closer to the untiled result; each takes about as long as rendering.",
            rich_help_panel=COMPUTED,
        ),
    ] = None,
    context: Annotated[
        Literal["shared", "exact", "tile"],
        typer.Option(
            help="Context of a tile: that of the whole picture, approximated (shared) or exact "
            "(usually faster, but features of all tiles are held in memory and on disk), or only "
            "its own (tile).",
            rich_help_panel=COMPUTED,
        ),
    ] = "shared",
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Memory for tiles, such as 2G, if --tile does not give their side; with --context "
            "exact, half of it is for tiles that wait. By default, half of the free memory if the "
            "whole picture fits into that; else 1 GiB on a CPU, and half of the free memory on a "
            "GPU.",
            rich_help_panel=COMPUTED,
        ),
    ] = None,
    match_low: Annotated[
        bool,
        typer.Option(
            "--match-low",
            help="Give the result the input's low frequencies, so that colours and tones stay.",
            rich_help_panel=COMPUTED,
        ),
    ] = False,
    ensemble: Ensemble = False,
    device: Device = "auto",
    precision: Precision = "auto",
    format: Annotated[
        Literal["png", "jpg", "webp", "tif", "avif", "gif"] | None,
        typer.Option(
            help="Format of the results (default: that of the input, else png).",
            rich_help_panel=_FILES,
        ),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            help="Quality of jpg, webp and avif (default: 95).",
            rich_help_panel=_FILES,
        ),
    ] = None,
    colour: Annotated[
        Colour,
        typer.Option(
            help="keep leaves colours in the space of their profile; srgb converts them.",
            rich_help_panel=_FILES,
        ),
    ] = "keep",
    all_pages: Annotated[
        bool,
        typer.Option(
            "--all-pages",
            help="Enlarge all pages of a TIFF and all frames of a GIF or WebP, not only the first.",
            rich_help_panel=_FILES,
        ),
    ] = False,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Refuse pictures with more pixels (default: 2³⁰, about 1000 megapixels).",
            rich_help_panel=_FILES,
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Search subfolders too.", rich_help_panel=_FILES)
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Skip pictures whose results exist; without it, they are replaced with a warning.",
            rich_help_panel=_FILES,
        ),
    ] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Also write NAME_compare.png: bicubic and the result side by side, zoomed in.",
            rich_help_panel=_FILES,
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--json", help="Write a JSON report to this file.", rich_help_panel=_FILES),
    ] = None,
) -> None:
    """Enlarge pictures.

    Keeps 16 bits, transparency, colour profile, EXIF and resolution where the format supports them.
    Never overwrites an input. A file that cannot be read is reported and does not stop the others.

    Exit status: 0 if all succeed, 1 if some fail, 2 if the options are wrong, 130 after Ctrl-C.
    """
    target = _target(scale, size, width, height)
    if framing != "stretch" and size is None:
        refuse(f"--framing {framing}: give --size too, or leave it out")
    sized = target | {"framing": framing, "tile": parse_tile(tile), "context": context}
    if sweeps is not None and context != "shared":
        refuse(f"--sweeps {sweeps}: --context {context} has no sweeps; leave one of the two out")
    if memory is not None and tile != "auto" and context != "exact":
        reason = f"has no effect with --tile {tile} unless --context is exact"
        refuse(f"--memory {memory} {reason}; leave one of the two out")
    # Options that are not given take the engine's defaults, which are those of the Python API.
    given = {"halo": halo, "sweeps": sweeps, "memory": memory}
    sized |= {name: value for name, value in given.items() if value is not None}
    check_report(report)

    from bigpicture.app.batch import Run
    from bigpicture.app.jobs import Naming, is_among, plan
    from bigpicture.app.restore import Restoring
    from bigpicture.image import FORMATS, MAX_PIXELS
    from bigpicture.weights.index import default_for

    loaded = load_model(model or default_for(scale), device)
    naming = Naming(
        output=output,
        mark=_mark(target, loaded.scale),
        suffix=None if format is None else f".{format}",
        writable=frozenset(FORMATS),
        compare=compare,
        # A still image has no reason to be a GIF of 256 colours.
        kept=frozenset(FORMATS) - (set() if all_pages else {".gif"}),
        marks=_MARKS,
    )
    left_out: list[Path] = []
    options = {"ensemble": ensemble, "precision": precision, "match_low": match_low}
    restoring = Restoring(
        loaded, sized, options, colour, all_pages, quality, max_pixels or MAX_PIXELS
    )
    try:
        loaded.plan((1, 1), **sized)  # refuses options that are wrong for any picture
        jobs = plan(inputs, naming, recursive=recursive, left_out=left_out, resume=resume)
    except ValueError as error:
        refuse(error)
    if report is not None and is_among(report, jobs):
        refuse(f"--json {report} is a picture that this run reads or writes; give another name")
    if left_out:
        names = ", ".join(printable(file.name) for file in left_out[:3])
        more = ", …" if len(left_out) > 3 else ""
        complain(f"left out as earlier results: {names}{more}; to enlarge one, give its name alone")
    outcome = Run(restoring, resume, left_out)(jobs, report)
    statuses = [item.status for item in outcome.items]
    if len(statuses) > 1:
        counts = {each: statuses.count(each) for each in ("done", "skipped", "failed")}
        say(", ".join(f"{count} {status}" for status, count in counts.items() if count))
    if outcome.stopped is not None:
        raise typer.Exit(outcome.stopped)
    if "failed" in statuses:
        raise typer.Exit(FAILED)


def _target(
    scale: float | None, size: str | None, width: int | None, height: int | None
) -> dict[str, Any]:
    """Return the size as the one option of `Model.upscale` that sets it; refuse several."""
    given = {"scale": scale, "size": parse_size(size), "width": width, "height": height}
    target = {key: value for key, value in given.items() if value is not None}
    if len(target) > 1:
        refuse(f"{' and '.join(f'--{key}' for key in target)} exclude each other; give only one")
    if scale is not None and not 0 < scale < math.inf:
        refuse(f"--scale {scale}: give a factor above 0, such as 2")
    return target


def _mark(target: dict[str, Any], own_scale: int) -> str:
    """Return the ending of the names of results, which tells their size.

    >>> _mark({}, 2), _mark({"scale": 1.5}, 2), _mark({"size": (1080, 1920)}, 2)
    ('_x2', '_x1.5', '_1920x1080')
    """
    if "size" in target:
        return "_{1}x{0}".format(*target["size"])
    for side in ("width", "height"):
        if side in target:
            return f"_{side[0]}{target[side]}"
    return f"_x{target.get('scale', own_scale):g}"
