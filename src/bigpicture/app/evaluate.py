"""`bigpicture evaluate`: a model's scores on a folder of pictures, under a named protocol."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bigpicture.app.console import FAILED, bar, check_report, complain, refuse, say, write_report
from bigpicture.app.options import COMPUTED, Device, Ensemble, Precision, load_model, parse_tile

if TYPE_CHECKING:
    from bigpicture.data.benchmarks import Benchmark, Degrade
    from bigpicture.evaluate.run import ImageScore, Report, Restore

NOISE_SEED = 0
"""Of `--degrade dn`: everyone who measures meets the same noise."""


# The parameters are the command's options, each with its help: longer than other functions.
def evaluate(
    high: Annotated[
        Path,
        typer.Option("--hr", help="Folder of high-resolution pictures, or a set with HR in it."),
    ],
    scale: Annotated[float, typer.Option(help="How many times smaller the inputs are.")],
    model: Annotated[
        str, typer.Option(help="A name from `bigpicture models list`, a weight file, or bicubic.")
    ] = "uhdn-x2",
    low: Annotated[
        Path | None,
        typer.Option(
            "--lr",
            help="Folder of low-resolution pictures: NAME, NAMEx2 or NAME_x2. Without it, a set's "
            "own are taken, or they are made by --degrade.",
        ),
    ] = None,
    degrade: Annotated[
        Literal["bi", "bd", "dn"] | None,
        typer.Option(
            help="How inputs are made: bicubic; blur and subsampling; bicubic and noise. bi where "
            "there are none and nothing is given."
        ),
    ] = None,
    protocol: Annotated[
        Literal["sr-y", "sr-rgb"],
        typer.Option(help="What is compared: luma, as most tables do, or RGB."),
    ] = "sr-y",
    tile: Annotated[
        str,
        typer.Option(
            metavar="auto|N|off",
            help="Side of tiles, see `bigpicture upscale`.",
            rich_help_panel=COMPUTED,
        ),
    ] = "auto",
    ensemble: Ensemble = False,
    device: Device = "auto",
    precision: Precision = "fp32",
    report: Annotated[
        Path | None, typer.Option("--json", help="Write the scores of each picture, as JSON.")
    ] = None,
) -> None:
    """Score a model on pictures whose high-resolution versions are known.

    Prints PSNR and SSIM of each picture and their means. For example:

    bigpicture evaluate --model bicubic --hr Set5 --scale 2
    """
    side = parse_tile(tile)
    if not 1 <= scale < math.inf:
        refuse(f"--scale {scale:g}: give how many times smaller the inputs are, such as 2")
    check_report(report)
    pairs = _pairs(high, low, scale, degrade)
    restore = restorer(model, scale, device, tile=side, ensemble=ensemble, precision=precision)
    try:
        measured = measure(restore, pairs, scale=scale, protocol=protocol, model=model)
    except (ValueError, OSError) as error:
        complain(f"error: {error}")
        raise typer.Exit(FAILED) from None
    show(measured)
    write_report(report, measured.to_json())


def measure(
    restore: "Restore", pairs: "Benchmark", *, scale: int | float, protocol: str, model: str
) -> "Report":
    """Return the scores of a model, with a progress bar while it works."""
    from bigpicture.evaluate.run import evaluate as run
    from bigpicture.metrics.protocol import PROTOCOLS

    with bar(len(pairs)) as shown:
        done = 0

        def advance(score: "ImageScore") -> None:
            nonlocal done
            done += 1
            shown.name(score.name)
            shown.reach(done)

        shown.name(model)
        return run(
            restore,
            pairs,
            scale=scale,
            protocol=PROTOCOLS[protocol],
            model=model,
            progress=advance,
        )


def show(report: "Report") -> None:
    """Print the table of a report and, last, the mean."""
    from bigpicture.evaluate.table import image_table

    say(image_table(report))
    mean = report.mean
    say(
        f"\n{report.model} ×{report.scale:g}: {mean['psnr']:.2f} dB PSNR, {mean['ssim']:.4f} SSIM "
        f"({report.protocol}, mean of {len(report.images)})"
    )


def _pairs(high: Path, low: Path | None, scale: float, degrade: str | None) -> "Benchmark":
    from bigpicture.data.benchmarks import open_benchmark

    if degrade == "bd" and (scale != round(scale) or scale % 2 == 0):
        refuse(f"--degrade bd --scale {scale:g}: it keeps the centre of a cell; give an odd scale")
    try:
        made_by = None if degrade is None else _degradation(degrade)
        return open_benchmark(high, low, scale=_whole(scale), degrade=made_by)
    except ValueError as error:
        refuse(error)


def _degradation(name: str) -> "Degrade":
    """Return the degradation of a name; the noise of `dn` is the same in every run."""
    import torch

    from bigpicture.degrade.bd import bd
    from bigpicture.degrade.bi import bi
    from bigpicture.degrade.dn import DN

    generator = torch.Generator().manual_seed(NOISE_SEED)
    kinds: dict[str, Degrade] = {
        "bi": bi,
        "bd": lambda high, scale: bd(high, round(scale)),
        "dn": lambda high, scale: DN.draw(generator).apply(high, scale),
    }
    return kinds[name]


def restorer(
    model: str,
    scale: int | float,
    device: str,
    *,
    tile: int | Literal["auto", "off"],
    ensemble: bool,
    precision: Literal["auto", "fp32", "bf16", "fp16"],
) -> "Restore":
    """Return what is evaluated; refuse what is no model, or one of another scale."""
    if model == "bicubic":
        from bigpicture.evaluate.bicubic import bicubic

        return bicubic(_whole(scale))
    loaded = load_model(model, device)
    if loaded.scale != scale:
        refuse(f"--scale {scale:g}: {model} enlarges {loaded.scale} times; give its own scale")
    return lambda low: loaded.upscale(low, tile=tile, ensemble=ensemble, precision=precision)


def _whole(scale: float) -> int | float:
    """Return a whole scale as an int, which is how folders and errors name it."""
    return int(scale) if scale == int(scale) else scale
