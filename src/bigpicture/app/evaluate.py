"""`bigpicture evaluate`: score models on sets of pictures under a named protocol."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from bigpicture.app.console import (
    FAILED,
    check_report,
    refuse,
    say,
    write_report,
    write_text,
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
from bigpicture.app.options import (
    Device,
    Ensemble,
    Precision,
    Tile,
    check_effect,
    parse_tile,
)

__all__ = ["evaluate", "measure", "restorer"]

SHOWN = "Output"
METRICS = ("lpips", "niqe", "brisque", "piqe")  # in bigpicture.metrics.catalog, which needs PyTorch


# Longer than other functions: the parameters are the command's options, each with its help.
def evaluate(
    scale: Annotated[
        list[float],
        typer.Option(help="How many times smaller the inputs are. Repeatable."),
    ],
    high: Annotated[
        list[Path] | None,
        typer.Option(
            "--hr",
            help="Folder of high-resolution pictures, a benchmark set (HR and LR_bicubic, GTmod12, "
            "…), or a folder of sets. Repeatable. Without it, the pictures of --lr are enlarged "
            "and scored by metrics that need no reference.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A name from `bigpicture models list`, a weight file, or bicubic. {scale} in it "
            "is replaced by each --scale. By default, the shipped network that `upscale` uses for "
            "the scale, or, if none has that scale, one that renders any."
        ),
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(help="Another model to compare with. Repeatable."),
    ] = None,
    low: Annotated[
        Path | None,
        typer.Option(
            "--lr",
            help="Folder of low-resolution pictures, named NAME, NAMEx2 or NAME_x2. Without it, "
            "the set's own are used, or --degrade makes them.",
        ),
    ] = None,
    degrade: Annotated[
        Kind | None,
        typer.Option(
            help="How to make the inputs. bi: bicubic; bd: blur and subsampling; dn: bicubic and "
            "noise. By default, the set's own inputs are used, or bi if it has none."
        ),
    ] = None,
    protocol: Annotated[
        Literal["sr-y", "sr-rgb"] | None,
        typer.Option(
            help="What PSNR and SSIM compare: luma, as in most papers, or RGB (default: sr-y)."
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="|".join(METRICS),
            help="Metric to measure besides PSNR and SSIM. Repeatable.",
        ),
    ] = None,
    format: Annotated[
        Literal["text", "markdown", "csv", "json", "latex"],
        typer.Option(help="Format of the printed scores.", rich_help_panel=SHOWN),
    ] = "text",
    every: Annotated[
        bool,
        typer.Option(
            "--published",
            help="Show all methods that the papers report on a set, not only the model's own.",
            rich_help_panel=SHOWN,
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a self-contained HTML page with scores, and crops where models differ "
            "most.",
            rich_help_panel=SHOWN,
        ),
    ] = None,
    crops: Annotated[
        int | None,
        typer.Option(min=1, help="Crops per set on that page (default: 6).", rich_help_panel=SHOWN),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--json", help="Write the scores of each picture to this file.", rich_help_panel=SHOWN
        ),
    ] = None,
    tile: Tile = "auto",
    ensemble: Ensemble = False,
    device: Device = "auto",
    precision: Precision = "fp32",
) -> None:
    """Score models on pictures whose high-resolution originals are known.

    Prints the PSNR and SSIM of each picture and their means, beside the scores that the papers
    report for networks of the same size. For example:

    bigpicture evaluate --model bicubic --hr Set5 --scale 2

    bigpicture evaluate --model uhdn-x{scale} --compare bicubic --hr Set5 --hr Set14 --scale 2
    --scale 3 --published --html compared.html
    """
    side = parse_tile(tile)
    for wrong in (each for each in scale if not 1 <= each < math.inf):
        refuse(f"--scale {wrong:g}: give a factor of at least 1, such as 2")
    _check(high, low, metric or ())
    check_effect("--protocol", protocol, "--hr", bool(high))
    check_effect("--published", every, "--hr", bool(high))
    check_effect("--html", html, "--hr", bool(high))
    check_effect("--crops", crops, "--html", html is not None)
    if every and format == "csv" and html is None and report is None:
        refuse("--published: --format csv has measured scores only; give another format")
    _check_files(report, html)
    scales = [whole(each) for each in dict.fromkeys(scale)]
    sets = {each: open_sets(high or (), low, each, degrade) for each in scales}
    protocol = (protocol or "sr-y") if high else None
    contest = Contest(protocol, tuple(metric or ()), (crops or 6) if html else 0)
    computed: Computed = {"tile": side, "ensemble": ensemble, "precision": precision}
    for each in scales:
        contest.enter([model or shipped_for(each), *(compare or ())], each, device, computed)
    well = contest.run(sets)

    from bigpicture.evaluate.show import Shown

    shown = Shown(contest.reports, contest.methods, ensemble, every, contest.asked, contest.failed)
    if contest.reports or format == "json":
        say(shown.text(format))
    try:
        ended = {"stopped": contest.stopped} if contest.stopped else {}
        write_report(report, shown.to_json() | ended)
    finally:  # a report that cannot be written ends the command
        if html is not None and contest.reports:
            write_text(html, shown.page(contest.crops))
    if not well:
        raise typer.Exit(contest.stopped or FAILED)


def _check(high: Sequence[Path] | None, low: Path | None, metrics: Sequence[str]) -> None:
    """Refuse requests that would otherwise fail only after hours of work."""
    for wrong in (metric for metric in metrics if metric not in METRICS):
        refuse(f"--metric {wrong}: give one of {', '.join(METRICS)}")
    if not high and (low is None or not metrics or "lpips" in metrics):
        refuse(
            "give the originals with --hr; without them, pictures of --lr can only be scored by "
            "--metric niqe, brisque or piqe"
        )


def _check_files(report: Path | None, html: Path | None) -> None:
    """Refuse, before hours of work, files that cannot be written, or one for two reports."""
    check_report(report)
    check_report(html, "--html")
    if report is not None and html is not None and report.resolve() == html.resolve():
        refuse(f"--json and --html are both {report}; give two names")
