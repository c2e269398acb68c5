"""`bigpicture evaluate`: models' scores on sets of pictures, under a named protocol."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from bigpicture.app.console import (
    FAILED,
    check_report,
    check_writable,
    printable,
    refuse,
    say,
    write_report,
)
from bigpicture.app.contest import (
    Computed,
    Contest,
    Kind,
    measure,
    open_sets,
    restorer,
    shipped_for,
    whole,
)
from bigpicture.app.options import Device, Ensemble, Precision, Tile, parse_tile

__all__ = ["evaluate", "measure", "restorer"]

SHOWN = "What is shown"
METRICS = ("lpips", "niqe", "brisque", "piqe")  # of bigpicture.metrics.catalog, which needs PyTorch


# The parameters are the command's options, each with its help: longer than other functions.
def evaluate(
    scale: Annotated[
        list[float],
        typer.Option(help="How many times smaller the inputs are. May be given several times."),
    ],
    high: Annotated[
        list[Path] | None,
        typer.Option(
            "--hr",
            help="Folder of high-resolution pictures, a benchmark set (HR and LR_bicubic, GTmod12 "
            "…), or a folder of sets. May be given several times. Without it, what --lr holds is "
            "judged by metrics that need no reference.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A name from `bigpicture models list`, a weight file, or bicubic. {scale} in it "
            "stands for each --scale. If not given, for each the shipped network that `upscale` "
            "takes, or where none has that scale, one that renders any."
        ),
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(help="Another model to set beside it. May be given several times."),
    ] = None,
    low: Annotated[
        Path | None,
        typer.Option(
            "--lr",
            help="Folder of low-resolution pictures: NAME, NAMEx2 or NAME_x2. Without it, a set's "
            "own are taken, or they are made by --degrade.",
        ),
    ] = None,
    degrade: Annotated[
        Kind | None,
        typer.Option(
            help="How inputs are made: bicubic; blur and subsampling; bicubic and noise. If not "
            "given, the set's own inputs are used; where it has none, they are made by bi."
        ),
    ] = None,
    protocol: Annotated[
        Literal["sr-y", "sr-rgb"],
        typer.Option(help="What is compared: luma, as most tables do, or RGB."),
    ] = "sr-y",
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="|".join(METRICS),
            help="What is measured beside PSNR and SSIM. May be given several times.",
        ),
    ] = None,
    format: Annotated[
        Literal["text", "markdown", "csv", "json", "latex"],
        typer.Option(help="Of what is printed.", rich_help_panel=SHOWN),
    ] = "text",
    every: Annotated[
        bool,
        typer.Option(
            "--published",
            help="Show every method that the papers have on a set, not only the model's own row.",
            rich_help_panel=SHOWN,
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a page with scores and crops where models differ most, in one file.",
            rich_help_panel=SHOWN,
        ),
    ] = None,
    crops: Annotated[
        int, typer.Option(min=1, help="Of each set on that page.", rich_help_panel=SHOWN)
    ] = 6,
    report: Annotated[
        Path | None,
        typer.Option(
            "--json", help="Write the scores of each picture, as JSON.", rich_help_panel=SHOWN
        ),
    ] = None,
    tile: Tile = "auto",
    ensemble: Ensemble = False,
    device: Device = "auto",
    precision: Precision = "fp32",
) -> None:
    """Score models on pictures whose high-resolution versions are known.

    Prints PSNR and SSIM of each picture and their means, beside what the papers report of networks
    of the same size. For example:

    bigpicture evaluate --model bicubic --hr Set5 --scale 2

    bigpicture evaluate --model uhdn-x{scale} --compare bicubic --hr Set5 --hr Set14 --scale 2
    --scale 3 --published --html compared.html
    """
    side = parse_tile(tile)
    for wrong in (each for each in scale if not 1 <= each < math.inf):
        refuse(f"--scale {wrong:g}: give how many times smaller the inputs are, such as 2")
    _check(high, low, metric or (), html)
    check_report(report)
    scales = [whole(each) for each in dict.fromkeys(scale)]
    sets = {each: open_sets(high or (), low, each, degrade) for each in scales}
    contest = Contest(protocol if high else None, tuple(metric or ()), crops if html else 0)
    computed: Computed = {"tile": side, "ensemble": ensemble, "precision": precision}
    for each in scales:
        contest.enter([model or shipped_for(each), *(compare or ())], each, device, computed)
    well = contest.run(sets)

    from bigpicture.evaluate.show import Shown

    shown = Shown(contest.reports, contest.methods, ensemble, every)
    ended = {"stopped": contest.stopped} if contest.stopped else {}
    if contest.reports:
        say("\n".join(map(printable, shown.text(format).split("\n"))))
    write_report(report, shown.to_json() | ended)
    if html is not None and contest.reports:
        html.parent.mkdir(parents=True, exist_ok=True)
        # names of files need not be UTF-8
        html.write_text(shown.page(contest.crops), "utf-8", errors="backslashreplace")
    if not well:
        raise typer.Exit(contest.stopped or FAILED)


def _check(
    high: Sequence[Path] | None, low: Path | None, metrics: Sequence[str], html: Path | None
) -> None:
    """Refuse what could only fail after hours of work."""
    for wrong in (metric for metric in metrics if metric not in METRICS):
        refuse(f"--metric {wrong}: give one of {', '.join(METRICS)}")
    if not high and (low is None or not metrics or "lpips" in metrics):
        refuse(
            "give the originals with --hr; without them, pictures in --lr can be judged by "
            "--metric niqe, brisque or piqe"
        )
    if html is not None and not high:
        refuse(f"--html {html}: it shows errors, which need the originals; give --hr")
    check_writable("--html", html)
