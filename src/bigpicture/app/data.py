"""`bigpicture data prepare`: large pictures become overlapping crops that training reads quickly.

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
    write_report,
)

if TYPE_CHECKING:
    from bigpicture.data.cutting import Input
    from bigpicture.data.packing import Packing
    from bigpicture.data.packs import Cutting, PackedPicture

data = typer.Typer(help="Get pictures ready to be trained on.", no_args_is_help=True)

_MEGABYTE = 10**6


@data.callback()
def _data() -> None:
    """Keep `prepare` a subcommand though it is the only one."""


# The parameters are the command's options, each with its help: longer than other functions.
@data.command()
def prepare(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT", help="Pictures, folders of them, patterns.")
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", help="A new folder, or the URL of one, such as s3://bucket/df2k."
        ),
    ],
    crop: Annotated[int, typer.Option(help="Side of a crop, in pixels.")] = 480,
    step: Annotated[
        int | None, typer.Option(help="Pixels from one crop to the next; half a crop if not given.")
    ] = None,
    least: Annotated[
        int | None,
        typer.Option(
            "--min", help="Leave out pictures with a smaller side; those below a crop if not given."
        ),
    ] = None,
    low: Annotated[
        Path | None,
        typer.Option(help="Folder of low-resolution versions, which are cut in the same places."),
    ] = None,
    scale: Annotated[int | None, typer.Option(help="How many times smaller those are.")] = None,
    shards: Annotated[
        bool,
        typer.Option("--shards", help="Tar files (WebDataset) in place of a folder of PNG files."),
    ] = False,
    shard_size: Annotated[
        int, typer.Option(help="Megabytes after which a tar file ends; so many are held in memory.")
    ] = 256,
    threads: Annotated[
        int | None, typer.Option(help="That decode and encode; one a processor if not given.")
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", help="Folders in folders too.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the work in the folder was stopped.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--json", help="Write what was done, as JSON.")
    ] = None,
) -> None:
    """Cut pictures into overlapping crops, as a folder or as tar files, to be trained on.

    A recipe names the result in data.train. What was stopped goes on with --resume, and comes out
    as if it had not been.
    """
    check_report(report)
    if (low is None) != (scale is None):
        refuse("--low and --scale go together: low-resolution versions, and how much smaller")
    for name, value in (("--shard-size", shard_size), ("--threads", threads)):
        if value is not None and value < 1:
            refuse(f"{name} {value}: give 1 or more")

    from bigpicture.config import parse
    from bigpicture.data.loader import processors
    from bigpicture.data.packing import Packing, begin
    from bigpicture.data.packs import Cutting
    from bigpicture.data.remote import Shelf

    form = "shards" if shards else "folder"
    asked = {"crop": crop, "step": step or max(1, crop // 2), "scale": scale, "form": form}
    try:
        cutting = parse(
            asked | {"least": crop if least is None else least}, Cutting, "data prepare"
        )
        files, missing = _files(inputs, recursive, out)
        shelf = Shelf(out.rstrip("/"))
        pictures = _with_partners(files, low, cutting)
        manifest = begin(shelf, pictures, cutting, resume=resume)
        work = Packing(shelf, pictures, manifest, shard_size * _MEGABYTE, threads or processors())
    except ImportError as error:
        refuse(f"{error}; pip install 'bigpicture[data]'")
    except ValueError as error:
        refuse(error)
    for reason in missing:
        complain(f"failed   {printable(reason)}")
    _run(work, report, missing)


def _files(inputs: Sequence[Path], recursive: bool, out: str) -> tuple[list[Path], list[str]]:
    """Return the pictures that the inputs stand for, each once, and what is wrong with others.

    Crops in a pack that lies in an input are none, unless they are named.
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
            raise ValueError(f"{named[file.stem]} and {file} share a name, and so a partner")
    partners = low_files(named, low, cutting.scale)
    return [Input(file, partners[file.stem]) for file in files]


def _run(work: "Packing", report: Path | None, missing: Sequence[str]) -> None:
    """Cut what is left, say what became of each picture, and write the report even if stopped."""
    from bigpicture.app.stopping import Stopped, stoppable

    total = len(work.inputs)
    status = None
    try:
        with bar(total) as shown, stoppable():

            def finished(number: int, picture: "PackedPicture") -> None:
                shown.name(printable(Path(picture.name).name))
                shown.reach(number + 1)
                _tell(number, total, picture)

            work.finished = finished
            work.run()
    except Stopped as stopped:
        status = stopped.status
        complain("stopped; --resume does the rest")
    except (ValueError, OSError) as error:
        complain(f"error: {error}; --resume does the rest")
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
