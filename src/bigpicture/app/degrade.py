"""`bigpicture degrade`: make low-resolution pictures, each with a record of how it was made.

cat.png, -o low ──▶ low/cat.png, low/cat.json     --records low ──▶ the same pixels again
"""

import hashlib
import json
from collections.abc import Callable
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

if TYPE_CHECKING:
    import numpy as np

    from bigpicture.app.jobs import Job
    from bigpicture.degrade.record import Record

Kind = Literal["bi", "bd", "dn", "bsrgan", "realesrgan"]
_OTHER = "the result differs from the recorded one: the input, or the versions used, have changed"

Find = Callable[["Job"], tuple["Record", str | None]]
"""Returns the degradation of a picture, and the checksum of its earlier result, if known."""


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
        int, typer.Option(help="Seed of random numbers, combined with the picture's name.")
    ] = 0,
    webp: Annotated[
        float,
        typer.Option(help="Fraction of bsrgan and realesrgan compressions in WebP, not JPEG."),
    ] = 0.0,
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
    checks them; if they differ, the exit status is 1 and existing records are kept.
    """
    check_report(report)
    find = _finder(output, kind, scale, seed, webp, records)

    from bigpicture.app.jobs import Naming, plan

    naming = Naming(output=output, mark="", suffix=".png", writable=frozenset({".png"}))
    try:
        jobs = plan(inputs, naming, recursive=recursive)
    except ValueError as error:
        refuse(error)
    items: list[_Item] = []
    try:
        with bar(len(jobs)) as shown:
            for job in jobs:
                shown.name(printable(job.input.name))
                items.append(_item(job, find))
                shown.reach(len(items))
                _tell(items[-1])
    finally:
        write_report(report, {"items": [asdict(item) for item in items]})
    failed = sum(item.status == "failed" for item in items)
    if len(items) > 1:
        say(f"{len(items) - failed} done" + (f", {failed} failed" if failed else ""))
    if failed:
        raise typer.Exit(FAILED)


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


def _finder(
    output: Path,
    kind: Kind | None,
    scale: float | None,
    seed: int,
    webp: float,
    records: Path | None,
) -> Find:
    """Return a function that finds the degradation of a picture; refuse inconsistent options."""
    if records is not None:
        if kind is not None or scale is not None or webp:
            refuse(f"--records {records} says what to do; leave out --kind and --scale and --webp")
        return _replaying(records, output)
    if kind is None or scale is None:
        refuse("--kind and --scale are needed, unless you give --records")
    if webp and kind not in ("bsrgan", "realesrgan"):
        refuse(f"--webp {webp:g}: {kind} compresses nothing; only bsrgan and realesrgan do")

    import torch

    from bigpicture.degrade.record import draw

    whole = int(scale) if scale.is_integer() else scale

    def drawn(job: "Job") -> tuple["Record", None]:
        name = _beside(job, output, Path()).with_suffix("").as_posix()
        named = f"{seed} {name}".encode("utf-8", "surrogateescape")  # the file system's bytes
        own = int.from_bytes(hashlib.sha256(named).digest()[:7], "big")
        return draw(kind, whole, torch.Generator().manual_seed(own), webp=webp), None

    try:  # refuse numbers out of range before any picture is read
        draw(kind, whole, torch.Generator(), webp=webp)
    except ValueError as error:
        refuse(error)
    return drawn


def _replaying(records: Path, output: Path) -> Find:
    """Return a function that finds a picture's record in a folder, or gives one record to all."""
    if not records.exists():
        refuse(f"--records {records}: there is no such file or folder")
    if not records.is_file():
        return lambda job: _recorded(_beside(job, output, records))[:2]
    try:
        record, expected, name = _recorded(records)
    except ValueError as error:
        refuse(error)
    # the checksum belongs to only one of the pictures
    return lambda job: (record, expected if job.input.name == name else None)


def _beside(job: "Job", output: Path, folder: Path) -> Path:
    """Return the record file of a picture in a folder whose tree is that of the results."""
    assert job.output is not None
    inside = job.output.is_relative_to(output) and job.output != output
    name = job.output.relative_to(output) if inside else Path(job.input.name)
    return folder / name.with_suffix(".json")


def _recorded(file: Path) -> tuple["Record", str | None, str | None]:
    """Return the record in a file, the checksum of its result and the name of its input."""
    from bigpicture.degrade.record import Record

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or "record" not in content:
            raise ValueError("it has no key 'record'")
        return Record.from_json(content["record"]), content.get("sha256"), content.get("input")
    except FileNotFoundError:
        raise ValueError(f"there is no record {file}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def _item(job: "Job", find: Find) -> _Item:
    if job.output is None or job.error is not None:
        return _Item(str(job.input), status="failed", error=job.error)
    try:
        return _degraded(job, job.output, find)
    # A bad picture or record must not stop the others, whatever is wrong with it.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return _Item(str(job.input), status="failed", error=reason)


def _degraded(job: "Job", output: Path, find: Find) -> _Item:
    """Degrade a picture, write it with its record, and return the outcome.

    A result that differs from the recorded one does not replace an existing record and its picture.
    """
    from bigpicture.image import quantise, read

    record, expected = find(job)
    beside = output.with_suffix(".json")
    there = _is_there(beside)
    high = read(job.input)
    low = record.apply(high.colour if high.bits < 32 else quantise(high.colour, 16))
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


def _is_there(beside: Path) -> bool:
    """Return whether a record exists; raise an error if the file is something else."""
    if not beside.exists():
        return False
    try:
        _recorded(beside)
    except ValueError as error:
        raise ValueError(
            f"{error}; it is not a record, so it is not replaced: give another -o, or move it"
        ) from error
    return True


def _write(
    low: "np.ndarray", icc: bytes | None, output: Path, beside: Path, content: object
) -> None:
    from bigpicture.image import Metadata, Picture, write
    from bigpicture.image.save import save

    output.parent.mkdir(parents=True, exist_ok=True)
    # The colour profile still applies; the size, thumbnail and resolution in EXIF do not.
    write(Picture(low, None, Metadata(icc=icc)), output)
    save(beside, [(json.dumps(content, indent=1) + "\n").encode()])


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
