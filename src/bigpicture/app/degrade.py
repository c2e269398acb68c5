"""`bigpicture degrade`: make low-resolution pictures, each with a record of how it was made.

cat.png, -o low ──▶ low/cat.png, low/cat.json     --records low ──▶ the same pixels again
"""

import hashlib
import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bigpicture.app.console import (
    FAILED,
    bar,
    check_report,
    complain,
    printable,
    refuse,
    say,
    write_report,
)
from bigpicture.app.records import Find, Kind, drawing, is_record, replaying

if TYPE_CHECKING:
    import numpy as np

    from bigpicture.app.jobs import Job
    from bigpicture.image import Picture

_OTHER = "the result differs from the recorded one: the input, or the versions used, have changed"


# Longer than other functions: the parameters are the command's options, each with its help.
def degrade(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT", help="Pictures, folders or patterns.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="A folder for NAME.png and NAME.json, or a single NAME.png."
        ),
    ],
    kind: Annotated[
        Kind | None,
        typer.Option(
            help="bi: bicubic; bd: blur and subsampling; dn: bicubic and noise; bsrgan, "
            "realesrgan: random, as BSRGAN and Real-ESRGAN draw them."
        ),
    ] = None,
    scale: Annotated[
        float | None, typer.Option(help="How many times smaller: any number from 1.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of random numbers, combined with the picture's name (default: 0)."),
    ] = None,
    webp: Annotated[
        float | None,
        typer.Option(
            help="Fraction of bsrgan and realesrgan compressions in WebP, not JPEG (default: 0)."
        ),
    ] = None,
    records: Annotated[
        Path | None,
        typer.Option(
            help="Repeat recorded degradations, instead of --kind and --scale: a folder of records "
            "NAME.json, or one record for all pictures."
        ),
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", help="Search subfolders too.")] = False,
    report: Annotated[
        Path | None, typer.Option("--json", help="Write a JSON report to this file.")
    ] = None,
) -> None:
    """Make low-resolution pictures, and records of how they were made.

    The same seed degrades a picture in the same way in every run, whatever the other pictures.
    NAME.json records every number that was drawn. --records makes the same pixels from it again and
    checks them; if they differ, the exit status is 1 and existing records are kept. Transparency is
    left out, with a warning. An existing NAME.png is replaced only if its record lies beside it.
    """
    check_report(report)
    find = _finder(output, kind, scale, seed, webp, records)

    from bigpicture.app.jobs import Naming, plan

    naming = Naming(output=output, mark="", suffix=".png", writable=frozenset({".png"}))
    try:
        jobs = plan(inputs, naming, recursive=recursive)
    except ValueError as error:
        refuse(error)
    written = {os.path.realpath(_record_of(job.output)) for job in jobs if job.output is not None}
    if report is not None and os.path.realpath(report) in written:
        refuse(f"--json {report} is the record of a picture; give another name")
    _run(jobs, find, report)


@dataclass(frozen=True)
class _Item:
    """The outcome of one input, with the files that were written. Sizes are [width, height]."""

    input: str
    output: str | None = None
    record: str | None = None
    status: Literal["done", "failed"] = "done"
    error: str | None = None
    input_size: tuple[int, int] | None = None
    output_size: tuple[int, int] | None = None
    warnings: tuple[str, ...] = ()


def _finder(
    output: Path,
    kind: Kind | None,
    scale: float | None,
    seed: int | None,
    webp: float | None,
    records: Path | None,
) -> Find:
    """Return a function that finds the degradation of a picture; refuse inconsistent options."""
    if records is not None:
        given = {"--kind": kind, "--scale": scale, "--seed": seed, "--webp": webp}
        if idle := [option for option, value in given.items() if value is not None]:
            refuse(f"--records {records} says what to do; leave out {' and '.join(idle)}")
        return replaying(records, output)
    if kind is None or scale is None:
        refuse("--kind and --scale are needed, unless you give --records")
    if webp and kind not in ("bsrgan", "realesrgan"):
        refuse(f"--webp {webp:g}: {kind} compresses nothing; only bsrgan and realesrgan do")
    return drawing(output, kind, scale, seed or 0, webp or 0.0)


def _run(jobs: Sequence["Job"], find: Find, report: Path | None) -> None:
    """Degrade the pictures, print each outcome, and write the report even if stopped."""
    from bigpicture.app.recording import warnings_told_apart
    from bigpicture.app.stopping import Stopped, stoppable
    from bigpicture.image import ImageWarning

    items: list[_Item] = []
    status = None
    try:
        with bar(len(jobs)) as shown, stoppable() as stop, warnings_told_apart(ImageWarning):
            for job in jobs:
                stop.check()
                shown.name(job.input.name)
                items.append(_item(job, find))
                shown.reach(len(items))
                _tell(items[-1])
    except Stopped as stopped:
        status = stopped.status
    finally:
        write_report(report, {"items": [asdict(item) for item in items], "stopped": status})
    failed = sum(item.status == "failed" for item in items)
    counts = f"{len(items) - failed} done" + (f", {failed} failed" if failed else "")
    if status is not None:
        complain(f"stopped: {counts} of {len(jobs)}")
    elif len(jobs) > 1:
        say(counts)
    if status or failed:
        raise typer.Exit(status or FAILED)


def _item(job: "Job", find: Find) -> _Item:
    from bigpicture.app.recording import heard_in

    if job.output is None or job.error is not None:
        return _Item(str(job.input), status="failed", error=job.error)
    heard: list[str] = []
    try:
        with heard_in(heard):
            item = _degraded(job, job.output, find)
    # A bad picture or record must not stop the others, whatever is wrong with it.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        item = _Item(str(job.input), status="failed", error=reason)
    return replace(item, warnings=tuple(heard))


def _degraded(job: "Job", output: Path, find: Find) -> _Item:
    """Degrade a picture, write it with its record, and return the outcome.

    A result that differs from the recorded one does not replace an existing record and its picture.
    """
    from bigpicture.image import quantise, read

    record, expected = find(job)
    beside = _record_of(output)
    there = is_record(beside)
    if not there and os.path.lexists(output):
        raise ValueError(
            f"{output} exists and has no record {beside.name} beside it, so it is not replaced: "
            "give another -o, or move it"
        )
    high = read(job.input)
    low = record.apply(high.colour if high.bits < 32 else quantise(high.colour, 16))
    _warn_of_transparency(high)
    found = _sum(low)
    item = _Item(
        input=str(job.input),
        output=str(output),
        record=str(beside),
        input_size=(high.width, high.height),
        output_size=(low.shape[1], low.shape[0]),
    )
    if expected not in (None, found):
        item = replace(item, status="failed", error=_OTHER)
        if there:
            kept = f"{_OTHER}; the existing {beside} is kept"
            return replace(item, output=None, record=None, error=kept)
    content = {
        "input": job.input.name,
        "sha256": found,
        "made_with": _versions(),
        "record": record.to_json(),
    }
    _write(low, high.metadata.icc, output, beside, content)
    return item


def _record_of(output: Path) -> Path:
    return output.with_suffix(".json")


def _warn_of_transparency(high: "Picture") -> None:
    from bigpicture.image import ImageWarning, to_float

    if high.alpha is not None and (to_float(high.alpha) < 1).any():
        text = "its transparency is left out; the result has the colours under it"
        warnings.warn(text, ImageWarning, stacklevel=2)


def _write(
    low: "np.ndarray", icc: bytes | None, output: Path, beside: Path, content: object
) -> None:
    from bigpicture.image import Metadata, Picture, write
    from bigpicture.image.save import save

    output.parent.mkdir(parents=True, exist_ok=True)
    # The record comes first: if this ends in between, the next run still may replace the picture.
    save(beside, [(json.dumps(content, indent=1) + "\n").encode()])
    # The colour profile still applies; the size, thumbnail and resolution in EXIF do not.
    write(Picture(low, None, Metadata(icc=icc)), output)


def _sum(pixels: "np.ndarray") -> str:
    """Return a checksum of size, depth and pixels."""
    header = f"{pixels.dtype.name} {pixels.shape} "
    return hashlib.sha256(header.encode() + pixels.tobytes()).hexdigest()


def _versions() -> dict[str, Any]:
    """Return the versions of the software that the pixels depend on."""
    import pyvips
    import torch

    from bigpicture import __version__

    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    return {"bigpicture": __version__, "torch": torch.__version__, "libvips": libvips}


def _tell(item: _Item) -> None:
    name, result = printable(item.input), printable(item.output or "")
    if item.status == "failed":
        complain(f"failed   {name}: {printable(item.error or '')}")
    else:
        (w, h), (wide, high) = item.input_size or (0, 0), item.output_size or (0, 0)
        say(f"done     {name} → {result}  {w}×{h} → {wide}×{high}")
    for warning in item.warnings:
        complain(f"warning  {result or name}: {printable(warning)}")
