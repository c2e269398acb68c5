"""`bigpicture data prepare`: cut large pictures into overlapping crops that training reads quickly.

scans/, --out pack ──▶ pack/NAME_y00000_x00240.png, … or pack/000000.tar, …, pack/manifest.json
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bigpicture.app.console import (
    FAILED,
    bar,
    check_report,
    complain,
    printable,
    refuse,
    say,
    warn,
    write_report,
)
from bigpicture.app.options import check_effect

if TYPE_CHECKING:
    from bigpicture.data.cutting import Input
    from bigpicture.data.packing import Packing
    from bigpicture.data.packs import Cutting, PackedPicture

data = typer.Typer(help="Prepare pictures for training.", no_args_is_help=True)

_MEGABYTE = 10**6
_SHARD_SIZE = 256


@data.callback()
def _data() -> None:
    """Keep `prepare` a subcommand although it is the only one."""


# Longer than other functions: the parameters are the command's options, each with its help.
@data.command()
def prepare(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT", help="Pictures, folders or patterns.")
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", help="A new folder, or the URL of one, such as s3://bucket/df2k."
        ),
    ],
    crop: Annotated[int, typer.Option(help="Side of a crop, in pixels.")] = 480,
    step: Annotated[
        int | None,
        typer.Option(help="Pixels from one crop to the next (default: half of --crop)."),
    ] = None,
    least: Annotated[
        int | None,
        typer.Option(
            "--min", help="Leave out pictures with a side below this (default: the crop's side)."
        ),
    ] = None,
    low: Annotated[
        Path | None,
        typer.Option(help="Folder of low-resolution versions, to be cut in the same places."),
    ] = None,
    scale: Annotated[
        int | None, typer.Option(help="How many times smaller those versions are.")
    ] = None,
    shards: Annotated[
        bool,
        typer.Option("--shards", help="Write tar files (WebDataset) instead of PNG files."),
    ] = False,
    shard_size: Annotated[
        int | None,
        typer.Option(
            help="Size of a tar file in megabytes, which is held in memory (default: 256)."
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="Threads that decode and encode (default: one per CPU)."),
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", help="Search subfolders too.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue where earlier work in --out was stopped.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--json", help="Write a JSON report to this file.")
    ] = None,
) -> None:
    """Cut pictures into overlapping crops for training, as a folder or as tar files.

    To train on the result, name it in data.train of a recipe. Work that was stopped continues with
    --resume and gives the same result.
    """
    check_report(report)
    if (low is None) != (scale is None):
        refuse("--low and --scale go together; give both or neither")
    check_effect("--shard-size", shard_size, "--shards", shards)
    for name, value in (("--shard-size", shard_size), ("--threads", threads)):
        if value is not None and value < 1:
            refuse(f"{name} {value}: give 1 or more")

    from bigpicture.config import parse
    from bigpicture.data.loader import processors
    from bigpicture.data.packing import Packing, begin
    from bigpicture.data.packs import Cutting
    from bigpicture.data.remote import Shelf

    form = "shards" if shards else "folder"
    step = max(1, crop // 2) if step is None else step
    asked = {"crop": crop, "step": step, "scale": scale, "form": form}
    try:
        cutting = parse(
            asked | {"least": crop if least is None else least}, Cutting, "data prepare"
        )
        files, missing = _files(inputs, recursive, out)
        shelf = Shelf(out.rstrip("/"))
        pictures = _with_partners(files, low, cutting)
        manifest = begin(shelf, pictures, cutting, resume=resume)
        size = (shard_size or _SHARD_SIZE) * _MEGABYTE
        work = Packing(shelf, pictures, manifest, size, threads or processors())
    except ImportError as error:
        refuse(f"{error}; pip install 'bigpicture[data]'")
    except ValueError as error:
        refuse(error)
    for reason in missing:
        complain(f"failed   {printable(reason)}")
    _run(work, report, missing)


def _files(inputs: Sequence[Path], recursive: bool, out: str) -> tuple[list[Path], list[str]]:
    """Return the pictures of the inputs, each once, and what is wrong with other inputs.

    Crops of the pack `out`, if it lies in an input folder, are not inputs unless named.
    """
    from bigpicture.app.inputs import expand

    pack = None if "://" in out else os.path.realpath(out)
    found = [
        each
        for each in expand(inputs, recursive=recursive)
        if each.named or pack is None or not _is_below(each.file, pack)
    ]
    files = list(dict.fromkeys(each.file for each in found if each.error is None))
    missing = [f"{each.file}: {each.error}" for each in found if each.error is not None]
    if not files:
        raise ValueError("; ".join(missing) or f"there are no pictures outside of --out {out}")
    return files, missing


def _is_below(file: Path, folder: str) -> bool:
    return Path(os.path.realpath(file)).is_relative_to(folder)


def _with_partners(files: Sequence[Path], low: Path | None, cutting: "Cutting") -> "list[Input]":
    from bigpicture.data.cutting import Input
    from bigpicture.data.layouts import low_files

    if low is None or cutting.scale is None:
        return [Input(file) for file in files]
    named: dict[str, Path] = {}
    for file in files:
        if named.setdefault(file.stem, file) != file:
            raise ValueError(f"{named[file.stem]} and {file} share a name; rename one of them")
    partners = low_files(named, low, cutting.scale)
    return [Input(file, partners[file.stem]) for file in files]


def _run(work: "Packing", report: Path | None, missing: Sequence[str]) -> None:
    """Cut the remaining pictures, print each outcome, and write the report even if stopped."""
    from bigpicture.app.recording import warnings_told_apart
    from bigpicture.app.stopping import Stopped, stoppable
    from bigpicture.image import ImageWarning

    total = len(work.inputs)
    status = None
    try:
        heard = warnings_told_apart(ImageWarning, otherwise=warn)
        with bar(total) as shown, stoppable(), heard:

            def finished(number: int, picture: "PackedPicture") -> None:
                shown.name(Path(picture.name).name)
                shown.reach(number + 1)
                _tell(number, total, picture)

            work.finished = finished
            work.run()
    except Stopped as stopped:
        status = stopped.status
        complain("stopped; continue with --resume")
    except (ValueError, OSError) as error:
        complain(f"error: {error}; continue with --resume")
        status = FAILED
    finally:
        _write_report(work, report, missing, status)
    pictures = work.manifest.pictures
    crops = sum(picture.crops for picture in pictures)
    failed = len(missing) + sum(_status(picture) == "failed" for picture in pictures)
    if status is None:
        files = f" in {len(work.manifest.shards)} tar files" if work.manifest.shards else ""
        say(
            f"{crops} crops of {sum(p.crops > 0 for p in pictures)} pictures{files}"
            + (f", {failed} failed" if failed else "")
        )
    if status or failed:
        raise typer.Exit(status or FAILED)


def _write_report(
    work: "Packing", report: Path | None, missing: Sequence[str], status: int | None
) -> None:
    done = work.manifest.next is None
    reached = len(work.inputs) if done else (work.manifest.next or (0, 0))[0]
    items = [
        {
            "input": picture.name,
            "status": _status(picture),
            "error": picture.error,
            "input_size": picture.size,
            "crops": picture.crops,
        }
        for picture in work.manifest.pictures[:reached]
    ]
    absent = [{"input": r.partition(": ")[0], "status": "failed", "error": r} for r in missing]
    shards = [shard.model_dump() for shard in work.manifest.shards]
    write_report(
        report,
        {"items": items + absent, "shards": shards, "complete": done, "stopped": status},
    )


def _status(picture: "PackedPicture") -> Literal["done", "skipped", "failed"]:
    if picture.error is None:
        return "done"
    return "skipped" if picture.skipped else "failed"


def _tell(number: int, total: int, picture: "PackedPicture") -> None:
    place = f"{number + 1:{len(str(total))}}/{total}  " if total > 1 else ""
    name, reason = printable(picture.name), printable(picture.error or "")
    if _status(picture) == "failed":
        complain(f"{place}failed   {name}: {reason}")
    elif _status(picture) == "skipped":
        say(f"{place}skipped  {name}: {reason}")
    else:
        say(f"{place}done     {name} → {picture.crops} crops")
