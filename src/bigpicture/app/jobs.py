"""Which files are read and where each result goes, decided before the first pixel.

    cat.jpg, holiday/, -o out ──▶ (cat.jpg → out/cat_x2.jpg), (holiday/a.png → out/a_x2.png), …

A result lies beside its input unless an output is given. It has its input's format unless one is
given or that cannot be written. What would overwrite an input, or another result, is refused alone.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bigpicture.data.folders import SUFFIXES


@dataclass(frozen=True)
class Naming:
    """How results are called.

    Attributes:
        output: A file, for a single input, or a folder; None puts results beside their inputs.
        mark: Added to the input's name, such as "_x2".
        suffix: Of the format, such as ".png"; None keeps the input's.
        writable: Suffixes that can be written; others become ".png".
        compare: Whether a comparison is written too.
    """

    output: Path | None
    mark: str
    suffix: str | None
    writable: frozenset[str]
    compare: bool = False


@dataclass(frozen=True)
class Job:
    """A picture to be enlarged, or the reason why not.

    Attributes:
        input: File to read.
        output: File to write, None if there is none to read.
        compare: File for a comparison, if one is asked for.
        error: Why this cannot be done.
    """

    input: Path
    output: Path | None = None
    compare: Path | None = None
    error: str | None = None


def plan(inputs: Iterable[Path], naming: Naming, *, recursive: bool = False) -> list[Job]:
    """Return a job for each input file, in the order given, folders sorted by name.

    Files in folders that are results of others, left by an earlier run, are no inputs.

    Raises:
        ValueError: If the output is a file, but there are several inputs or its suffix is of no
            format that can be written.
    """
    inputs = list(inputs)
    as_file = naming.output is not None and _is_file(naming.output, naming.writable)
    if as_file and (len(inputs) > 1 or inputs[0].is_dir()):
        raise ValueError(f"-o {naming.output} is a file; for several inputs give a folder")
    jobs: list[Job] = []
    products: set[Path] = set()
    found_in_folder: set[Path] = set()
    for given in inputs:
        for file, below in _files(given, recursive):
            job = _job(file, below, naming, as_file) if below is not None else _missing(given)
            jobs.append(job)
            products |= {path.resolve() for path in (job.output, job.compare) if path}
            if given.is_dir():
                found_in_folder.add(file)
    jobs = [j for j in jobs if not (j.input in found_in_folder and j.input.resolve() in products)]
    return list(_without_collisions(_without_repetitions(jobs)))


def _files(given: Path, recursive: bool) -> Iterator[tuple[Path, Path | None]]:
    """Yield files and the folder, relative to the output, that their results go to."""
    if not given.is_dir():
        yield given, Path() if given.exists() else None
        return
    inside = sorted(given.rglob("*") if recursive else given.iterdir())
    pictures = [p for p in inside if p.suffix.lower() in SUFFIXES and not p.is_dir()]
    pictures = [p for p in pictures if not any(n[0] == "." for n in p.relative_to(given).parts)]
    for picture in pictures:
        yield picture, picture.parent.relative_to(given)
    if not pictures:
        yield given, None


def _missing(given: Path) -> Job:
    if given.is_dir():
        return Job(given, error="the folder has no image files; --recursive looks in folders in it")
    return Job(given, error="there is no such file or folder")


def _job(file: Path, below: Path, naming: Naming, as_file: bool) -> Job:
    if as_file and naming.output is not None:
        output = naming.output
    else:
        folder = file.parent if naming.output is None else naming.output / below
        kept = file.suffix if file.suffix.lower() in naming.writable else ".png"
        output = folder / f"{file.stem}{naming.mark}{naming.suffix or kept}"
    compare = output.with_name(f"{output.stem}_compare.png") if naming.compare else None
    return Job(file, output, compare)


def _is_file(output: Path, writable: frozenset[str]) -> bool:
    """Return whether an output is meant as a file: by its suffix, unless it is a folder."""
    suffix = output.suffix.lower()
    if output.is_dir():
        return False
    if suffix in SUFFIXES - writable:
        raise ValueError(f"-o {output}: the suffix must be one of {', '.join(sorted(writable))}")
    if output.exists() and suffix not in writable:
        raise ValueError(f"-o {output} is a file of another kind; give a folder or a new name")
    return suffix in writable


def _without_repetitions(jobs: Iterable[Job]) -> Iterator[Job]:
    """Leave out inputs that were given twice, for example as a file and with its folder."""
    seen: set[tuple[Path, Path | None]] = set()
    for job in jobs:
        key = job.input.resolve(), job.output
        if key not in seen:
            seen.add(key)
            yield job


def _without_collisions(jobs: Iterable[Job]) -> Iterator[Job]:
    """Refuse jobs that would overwrite an input or the result of a job before them."""
    jobs = list(jobs)
    inputs = {_identity(job.input) for job in jobs}
    taken: dict[str | tuple[int, int], Path] = {}
    for job in jobs:
        error = job.error
        for path in (job.output, job.compare):
            if path is None or error is not None:
                continue
            if _identity(path) in inputs:
                error = f"its result {path} would overwrite an input; give another -o"
            elif _identity(path) in taken:
                other = taken[_identity(path)]
                error = f"its result {path} is also that of {other}; enlarge one of them elsewhere"
        if error is None:
            taken |= {_identity(path): job.input for path in (job.output, job.compare) if path}
        yield Job(job.input, job.output, job.compare, error)


def _identity(path: Path) -> str | tuple[int, int]:
    """Return the same for two names of one file, hard links included."""
    try:
        found = path.stat()
    except OSError:
        return os.path.normcase(path.resolve())
    return found.st_dev, found.st_ino
