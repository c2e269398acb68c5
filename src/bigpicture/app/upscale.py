"""`bigpicture upscale`: files and folders, larger."""

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

_SIZE, _FILES = "How large", "Files"
_MARKS = re.compile(r"_(x\d+(\.\d+)?|\d+x\d+|[wh]\d+)((_[a-z]+)?_compare)?$")
"""What names of results end in, and those of comparisons, see `_mark`."""


# The parameters are the command's options, each with its help: longer than other functions.
def upscale(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT",
            help="Pictures, folders of them, patterns; - for a list of them from standard input.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A folder, or a file for a single picture. Without it, cat.jpg becomes "
            "cat_x2.jpg beside it.",
            rich_help_panel=_FILES,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A name from `bigpicture models list`, or a weight file. Without it, the best "
            "shipped network for --scale; else, with --size, --width and --height too, the best "
            "that enlarges 2 times, run as often as needed."
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="How many times larger; any number.", rich_help_panel=_SIZE),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WIDTHxHEIGHT", help="Exact size in pixels.", rich_help_panel=_SIZE),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(min=1, help="Width in pixels, height to match.", rich_help_panel=_SIZE),
    ] = None,
    height: Annotated[
        int | None,
        typer.Option(min=1, help="Height in pixels, width to match.", rich_help_panel=_SIZE),
    ] = None,
    framing: Annotated[
        Literal["stretch", "fit", "fill"],
        typer.Option(
            help="With --size of other proportions than the picture's: stretch it, fit all of it "
            "in, or fill the size and cut off the rest.",
            rich_help_panel=_SIZE,
        ),
    ] = "stretch",
    tile: Tile = "auto",
    halo: Annotated[
        int | None,
        typer.Option(
            min=0, help="Pixels that a tile sees beyond its border.", rich_help_panel=COMPUTED
        ),
    ] = None,
    sweeps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Times that tiles gather the whole picture's context, 2 if not given; more is "
            "nearer to computing it whole, and each takes as long as rendering.",
            rich_help_panel=COMPUTED,
        ),
    ] = None,
    context: Annotated[
        Literal["shared", "exact", "tile"],
        typer.Option(
            help="Whether tiles see the whole picture's context, nearly or exactly (quicker, but "
            "all tiles wait for each other in memory and on the disk), or only their own.",
            rich_help_panel=COMPUTED,
        ),
    ] = "shared",
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="What tiles may take, such as 2G; else 1 GiB on a processor, half of what is free "
            "on a GPU or if that is enough for the whole picture.",
            rich_help_panel=COMPUTED,
        ),
    ] = None,
    match_low: Annotated[
        bool,
        typer.Option(
            "--match-low",
            help="Make the result, shrunk again, the input: no drift of colours or tones.",
            rich_help_panel=COMPUTED,
        ),
    ] = False,
    ensemble: Ensemble = False,
    device: Device = "auto",
    precision: Precision = "auto",
    format: Annotated[
        Literal["png", "jpg", "webp", "tif", "avif", "gif"] | None,
        typer.Option(help="Format of the results; else that of the input.", rich_help_panel=_FILES),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, help="Of jpg, webp and avif; 95 if not given.", rich_help_panel=_FILES
        ),
    ] = None,
    colour: Annotated[
        Colour,
        typer.Option(
            help="keep leaves colours in their space, with their profile; srgb converts them.",
            rich_help_panel=_FILES,
        ),
    ] = "keep",
    all_pages: Annotated[
        bool,
        typer.Option(
            "--all-pages",
            help="All pages of TIFF, all frames of GIF and WebP, not only the first.",
            rich_help_panel=_FILES,
        ),
    ] = False,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Refuse pictures of more pixels than this; 2³⁰, about a thousand megapixels, if "
            "not given.",
            rich_help_panel=_FILES,
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Folders in folders too.", rich_help_panel=_FILES)
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Skip pictures whose results are there; else these are replaced, with a warning.",
            rich_help_panel=_FILES,
        ),
    ] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Also write NAME_compare.png: bicubic beside the result, zoomed in.",
            rich_help_panel=_FILES,
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--json", help="Write what was done, as JSON.", rich_help_panel=_FILES),
    ] = None,
) -> None:
    """Make pictures larger.

    16 bits, transparency, colour profile, EXIF and resolution are kept where the format holds
    them. No input is ever overwritten. A file that cannot be read is reported, the others are done,
    and the exit status is 1; it is 2 if the options make no sense, 130 after Ctrl-C.
    """
    target = _target(scale, size, width, height)
    if framing != "stretch" and size is None:
        refuse(f"--framing {framing}: give --size too, which it is about")
    sized = target | {"framing": framing, "tile": parse_tile(tile), "context": context}
    # What is not given is left to the engine, whose defaults are those of the Python interface.
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
        # Stills have no reason to be GIFs, of 256 colours.
        kept=frozenset(FORMATS) - (set() if all_pages else {".gif"}),
        marks=_MARKS,
    )
    left_out: list[Path] = []
    options = {"ensemble": ensemble, "precision": precision, "match_low": match_low}
    restoring = Restoring(
        loaded, sized, options, colour, all_pages, quality, max_pixels or MAX_PIXELS
    )
    try:
        loaded.plan((1, 1), **sized)  # options that make no sense for any picture
        jobs = plan(inputs, naming, recursive=recursive, left_out=left_out)
    except ValueError as error:
        refuse(error)
    if report is not None and is_among(report, jobs):
        refuse(f"--json {report} is a picture that is read or written; give another name")
    if left_out:
        names = ", ".join(printable(file.name) for file in left_out[:3])
        more = ", …" if len(left_out) > 3 else ""
        complain(f"left out, as results of others: {names}{more}; to enlarge such, give its name")
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
    """Return the one way in which the size is given, as an option of `Model.upscale`."""
    given = {"scale": scale, "size": parse_size(size), "width": width, "height": height}
    target = {key: value for key, value in given.items() if value is not None}
    if len(target) > 1:
        refuse(f"{' and '.join(f'--{key}' for key in target)} are given; give one of them")
    if scale is not None and not 0 < scale < math.inf:
        refuse(f"--scale {scale}: give how many times larger, such as 2")
    return target


def _mark(target: dict[str, Any], own_scale: int) -> str:
    """Return what names of results end in.

    >>> _mark({}, 2), _mark({"scale": 1.5}, 2), _mark({"size": (1080, 1920)}, 2)
    ('_x2', '_x1.5', '_1920x1080')
    """
    if "size" in target:
        return "_{1}x{0}".format(*target["size"])
    if "width" in target or "height" in target:
        return "".join(f"_{key[0]}{value}" for key, value in target.items())
    return f"_x{target.get('scale', own_scale):g}"
