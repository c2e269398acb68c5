"""The degradation of each picture: drawn from a seed and its name, or read from a record.

cat.png ──▶ Record, to be written as cat.json     cat.json ──▶ the same Record
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bigpicture.app.console import refuse

if TYPE_CHECKING:
    from bigpicture.app.jobs import Job
    from bigpicture.degrade.record import Record

__all__ = ["Find", "Kind", "drawing", "is_record", "replaying"]

Kind = Literal["bi", "bd", "dn", "bsrgan", "realesrgan"]

Find = Callable[["Job"], tuple["Record", str | None]]
"""Returns the degradation of a picture, and the checksum of its earlier result, if known."""


def drawing(output: Path, kind: Kind, scale: int | float, seed: int, webp: float) -> Find:
    """Return a function that draws the degradation of a picture; refuse numbers out of range.

    Args:
        output: The output folder or file: the seed is combined with a picture's path below it.
        kind: Kind of degradation.
        scale: How many times smaller the result is.
        seed: Seed of random numbers.
        webp: Fraction of compressions in WebP.
    """
    import torch

    from bigpicture.degrade.record import draw

    whole = int(scale) if float(scale).is_integer() else scale

    def drawn(job: "Job") -> tuple["Record", None]:
        name = _beside(job, output, Path()).with_suffix("").as_posix()
        named = f"{seed} {name}".encode("utf-8", "surrogateescape")  # the file system's bytes
        own = int.from_bytes(hashlib.sha256(named).digest()[:7], "big")
        return draw(kind, whole, torch.Generator().manual_seed(own), webp=webp), None

    try:  # before any picture is read
        draw(kind, whole, torch.Generator(), webp=webp)
    except ValueError as error:
        refuse(error)
    return drawn


def replaying(records: Path, output: Path) -> Find:
    """Return a function that finds a picture's record in a folder, or gives one record to all."""
    try:
        if not records.exists():
            refuse(f"--records {records}: there is no such file or folder")
        if not records.is_file():
            return lambda job: _recorded(_beside(job, output, records))[:2]
        record, expected, name = _recorded(records)
    except OSError as error:
        refuse(f"--records {records} cannot be read: {error.strerror or error}")
    except ValueError as error:
        refuse(error)
    # the checksum belongs to only one of the pictures
    return lambda job: (record, expected if job.input.name == name else None)


def is_record(file: Path) -> bool:
    """Return whether a record exists; raise a `ValueError` if the file is something else."""
    if not file.exists():
        return False
    try:
        _recorded(file)
    except ValueError as error:
        raise ValueError(
            f"{error}; it is not a record, so it is not replaced: give another -o, or move it"
        ) from error
    return True


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
    except (ValueError, RecursionError) as error:  # RecursionError: deeply nested JSON
        raise ValueError(f"{file}: {error}") from error
