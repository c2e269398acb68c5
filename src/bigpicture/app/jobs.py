"""Which files are read and where each result goes, decided before the first pixel.

    cat.jpg, holiday/, -o out ──▶ (cat.jpg → out/cat_x2.jpg), (holiday/a.png → out/a_x2.png), …

A result lies beside its input unless an output is given. It has its input's format unless one is
given or that cannot be written. What would overwrite an input, or another result, is refused alone.

What an earlier run has left in a folder is no input of the next, whatever their options were. It is
known by its name alone: of `cat_x2.png`, `cat` must be there too.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bigpicture.app.inputs import Found, expand
from bigpicture.data.folders import RAW, SUFFIXES
from bigpicture.image.formats import FORMATS

_COMPARE = "_compare.png"
_Identity = str | tuple[int, int]


@dataclass(frozen=True)
class Naming:
    """How results are called.

    Attributes:
        output: A file, for a single input, or a folder; None puts results beside their inputs.
        mark: Added to the input's name, such as "_x2".
        suffix: Of the format, such as ".png"; None keeps the input's.
        writable: Suffixes that can be written; others become ".png".
        compare: Whether a comparison is written too.
        kept: Suffixes that results of such inputs have; all that can be written if None.
        marks: What names of results may end in, by other options too; None knows no others.
    """

    output: Path | None
    mark: str
    suffix: str | None
    writable: frozenset[str]
    compare: bool = False
    kept: frozenset[str] | None = None
    marks: re.Pattern[str] | None = None


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


def plan(
    inputs: Iterable[Path],
    naming: Naming,
    *,
    recursive: bool = False,
    left_out: list[Path] | None = None,
) -> list[Job]:
    """Return a job for each input file, in the order given, folders sorted by name.

    Files that were not named, but found in a folder or by a pattern, are no inputs if they are
    results of others, left by an earlier run.

    Args:
        inputs: Files, folders, patterns, or "-": see `bigpicture.app.inputs`.
        naming: How results are called.
        recursive: Whether to look into folders in folders.
        left_out: Filled with the files that are taken for results.

    Raises:
        ValueError: If the output is a file, but there are several inputs or its suffix is of no
            format that can be written.
    """
    as_file = naming.output is not None and _is_file(naming.output, naming)
    found = list(expand(inputs, recursive=recursive))
    if as_file and (len(found) > 1 or not all(each.named for each in found)):
        raise ValueError(f"-o {naming.output} is a file; for several inputs give a folder")
    jobs = [_job(each, naming, as_file) for each in found]
    results = _Results(jobs, naming.marks)
    kept = []
    for job, each in zip(jobs, found, strict=True):
        if each.named or each.error or each.file not in results:
            kept.append(job)
        elif left_out is not None:
            left_out.append(each.file)
    return list(_without_collisions(_without_repetitions(kept)))


class _Results:
    """What some jobs make, or have made with other options, as far as names say.

    Args:
        jobs: For all files that were found.
        marks: As in `Naming`.
    """

    def __init__(self, jobs: Iterable[Job], marks: re.Pattern[str] | None) -> None:
        jobs = list(jobs)
        self._marks = marks
        self._made = {_real(path) for job in jobs for path in (job.output, job.compare) if path}
        self._stems = {
            (_real(path.parent), job.input.stem)
            for job in jobs
            for path in (job.input, job.output)
            if path is not None
        }

    def __contains__(self, file: Path) -> bool:
        if _real(file) in self._made:
            return True
        mark = None if self._marks is None else self._marks.search(file.stem)
        return mark is not None and (_real(file.parent), file.stem[: mark.start()]) in self._stems


def is_among(path: Path, jobs: Iterable[Job]) -> bool:
    """Return whether a path is an input or a result of some job."""
    known = {_identity(p) for job in jobs for p in (job.input, job.output, job.compare) if p}
    return _identity(path) in known


def _job(found: Found, naming: Naming, as_file: bool) -> Job:
    file = found.file
    if found.error is not None:
        return Job(file, error=found.error)
    if as_file and naming.output is not None:
        output = naming.output
    else:
        folder = file.parent if naming.output is None else naming.output / found.below
        keeps = naming.writable if naming.kept is None else naming.kept
        kept = file.suffix if file.suffix.lower() in keeps else ".png"
        output = folder / f"{file.stem}{naming.mark}{naming.suffix or kept}"
    compare = output.with_name(f"{output.stem}{_COMPARE}") if naming.compare else None
    return Job(file, output, compare)


def _is_file(output: Path, naming: Naming) -> bool:
    """Return whether an output is meant as a file: by its suffix, unless it is a folder."""
    suffix, writable = output.suffix.lower(), naming.writable
    # not by methods of Path, which raise where they may not look
    if os.path.isdir(output):  # noqa: PTH112
        return False
    if suffix in SUFFIXES - writable:
        raise ValueError(f"-o {output}: the suffix must be one of {', '.join(sorted(writable))}")
    if suffix not in writable:
        if os.path.exists(output):  # noqa: PTH110
            raise ValueError(f"-o {output} is a file of another kind; give a folder or a new name")
        return False
    if naming.suffix is not None and FORMATS[suffix] != FORMATS[naming.suffix]:
        raise ValueError(f"-o {output} is no {naming.suffix[1:]}; leave out --format")
    return True


def _without_repetitions(jobs: Iterable[Job]) -> Iterator[Job]:
    """Leave out inputs that were given twice, for example as a file and with its folder."""
    seen: set[tuple[Path, Path | None]] = set()
    for job in jobs:
        key = _real(job.input), job.output
        if key not in seen:
            seen.add(key)
            yield job


def _without_collisions(jobs: Iterable[Job]) -> Iterator[Job]:
    """Refuse jobs that would overwrite an input or the result of a job before them."""
    jobs = list(jobs)
    inputs = {_identity(job.input) for job in jobs}
    taken: dict[_Identity, Path] = {}
    # a raw file, which will hardly be read, takes no name from the JPEG that lies beside it
    for number, job in sorted(enumerate(jobs), key=lambda each: _is_raw(each[1].input)):
        jobs[number] = placed = _placed(job, inputs, taken)
        if placed.error is None:
            results = (placed.output, placed.compare)
            taken |= {_identity(path): job.input for path in results if path}
    yield from jobs


def _placed(job: Job, inputs: set[_Identity], taken: dict[_Identity, Path]) -> Job:
    """Return a job whose results take nobody's place, or that says why it cannot be done."""
    if job.error is not None or job.output is None:
        return job
    if job.compare is not None and _identity(job.compare) in inputs | taken.keys():
        # of cat.jpg beside cat.png, whose comparison would have the same name
        name = f"{job.output.stem}_{job.output.suffix[1:]}{_COMPARE}"
        job = replace(job, compare=job.compare.with_name(name))
    for path in (job.output, job.compare):
        if path is not None and _identity(path) in inputs:
            reason = f"its result {path} would overwrite an input; give another -o"
            return replace(job, error=reason)
        if path is not None and (other := taken.get(_identity(path))) is not None:
            reason = f"its result {path} is also that of {other}; enlarge one of them elsewhere"
            return replace(job, error=reason)
    return job


def _is_raw(file: Path) -> bool:
    return file.suffix.lower() in RAW


def _identity(path: Path) -> _Identity:
    """Return the same for two names of one file, hard links included."""
    try:
        found = path.stat()
    except OSError:
        name = os.path.normcase(_real(path))
        return name.casefold() if sys.platform == "darwin" else name
    return found.st_dev, found.st_ino


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # which, unlike `resolve`, takes links that go in circles
