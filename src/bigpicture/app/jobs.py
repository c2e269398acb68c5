"""Plan which files are read and where each result goes, before the first pixel is computed.

    cat.jpg, holiday/, -o out ──▶ (cat.jpg → out/cat_x2.jpg), (holiday/a.png → out/a_x2.png), …

A result is placed beside its input unless an output is given. It has the format of its input unless
another is given or that one cannot be written. A job that would overwrite an input or the result of
another job is refused; the others are not affected.

Results that an earlier run has left in a folder are not inputs of the next run, whatever the
options of either. They are recognised by name alone: `cat_x2.png` is a result if `cat` is an input.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bigpicture.app.console import obstacle
from bigpicture.app.inputs import Found, expand
from bigpicture.data.folders import RAW, SUFFIXES
from bigpicture.image.formats import FORMATS

_COMPARE = "_compare.png"
_Identity = str | tuple[int, int]


@dataclass(frozen=True)
class Naming:
    """How results are named.

    Attributes:
        output: A file, for a single input, or a folder; None puts results beside their inputs.
        mark: Added to the input's name, such as "_x2".
        suffix: Suffix of the format, such as ".png"; None keeps that of the input.
        writable: Suffixes that can be written.
        compare: Whether a comparison is written too.
        kept: Input suffixes that results keep, others become ".png"; None keeps all of `writable`.
        marks: Pattern of the marks that any options produce; None recognises only this run's names.
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
    """A picture to process, or the reason why it cannot be.

    Attributes:
        input: File to read.
        output: File to write, None if there is nothing to read.
        compare: File for the comparison, if one is requested.
        error: Why the job cannot be done.
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
    resume: bool = False,
) -> list[Job]:
    """Return a job for each input file, in the order given, folders sorted by name.

    Files found in a folder or by a pattern are left out if their names are those of results of an
    earlier run. A file that the user names is left out only if its name is that of a result of
    another named file, since shells expand patterns to names. As it may be an original for all
    that, the job that would replace it is refused.

    Args:
        inputs: Files, folders, patterns, or "-": see `bigpicture.app.inputs`.
        naming: How results are named.
        recursive: Whether to search subfolders.
        left_out: Filled with the files that are taken for results.
        resume: Whether existing results are kept, so that no job replaces any.

    Raises:
        ValueError: If the output is a file, but there are several inputs or its suffix is not that
            of a format that can be written.
    """
    as_file = naming.output is not None and _is_file(naming.output, naming)
    found = list(expand(inputs, recursive=recursive))
    if as_file and (len(found) > 1 or not all(each.named for each in found)):
        raise ValueError(f"-o {naming.output} is a file; for several inputs, give a folder")
    jobs = [_job(each, naming, as_file) for each in found]
    kept, named = [], set[_Identity]()
    earlier = _are_earlier(found, jobs, naming.marks)
    for job, each, is_earlier in zip(jobs, found, earlier, strict=True):
        if not is_earlier:
            kept.append(job)
            continue
        if left_out is not None:
            left_out.append(job.input)
        if each.named and not resume:
            named.add(_identity(job.input))
    return list(_without_collisions(_without_repetitions(kept), named))


def _are_earlier(
    found: Sequence[Found], jobs: Sequence[Job], marks: re.Pattern[str] | None
) -> list[bool]:
    """Return which files are taken for results of earlier runs."""
    named = (job for job, each in zip(jobs, found, strict=True) if each.named and not each.error)
    results, results_of_named = _Results(jobs, marks), _Results(named, marks)
    return [
        each.error is None
        and (results_of_named.has_mark(each.file) if each.named else each.file in results)
        for each in found
    ]


class _Results:
    """The files that are results of some jobs, judging by their names, whatever the options.

    Args:
        jobs: The jobs for all files that were found.
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
        return _real(file) in self._made or self.has_mark(file)

    def has_mark(self, file: Path) -> bool:
        """Return whether a file has the name of a job's input or result, and a mark after it."""
        mark = None if self._marks is None else self._marks.search(file.stem)
        return mark is not None and (_real(file.parent), file.stem[: mark.start()]) in self._stems


def is_among(path: Path, jobs: Iterable[Job]) -> bool:
    """Return whether a path is an input or a result of some job."""
    known = {_identity(p) for job in jobs for p in (job.input, job.output, job.compare) if p}
    return _identity(path) in known


def in_the_way(job: Job) -> str | None:
    """Return why a result of a job cannot be written, None if all of them can."""
    for path in (job.output, job.compare):
        if path is not None and (wall := obstacle(path)) is not None:
            reason = f"{path} cannot be written: {wall} is in the way or write-protected"
            return f"{reason}; give another -o"
    return None


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
    """Return whether an output is a file, judging by its suffix, and not an existing folder."""
    suffix, writable = output.suffix.lower(), naming.writable
    # not methods of Path, which raise for folders without search permission
    if os.path.isdir(output):  # noqa: PTH112
        return False
    if suffix in SUFFIXES - writable:
        raise ValueError(f"-o {output}: the suffix must be one of {', '.join(sorted(writable))}")
    if suffix not in writable:
        if os.path.exists(output):  # noqa: PTH110
            raise ValueError(f"-o {output} exists and is not a folder; give a folder or a new name")
        return False
    if naming.suffix is not None and FORMATS[suffix] != FORMATS[naming.suffix]:
        raise ValueError(f"-o {output} is not a {naming.suffix[1:]} file; leave out --format")
    return True


def _without_repetitions(jobs: Iterable[Job]) -> Iterator[Job]:
    """Yield each job once, even if its input was given twice, such as by name and by folder."""
    seen: set[tuple[Path, Path | None]] = set()
    for job in jobs:
        key = _real(job.input), job.output
        if key not in seen:
            seen.add(key)
            yield job


def _without_collisions(jobs: Iterable[Job], named: set[_Identity]) -> Iterator[Job]:
    """Refuse jobs that would overwrite an input, a named file or the result of an earlier job."""
    jobs = list(jobs)
    advice = dict.fromkeys(named, "give another -o, or --resume to keep it")
    advice |= {_identity(job.input): "give another -o" for job in jobs}
    taken: dict[_Identity, Path] = {}
    # raw files, which can hardly ever be read, come last: they must not take a JPEG's result name
    for number, job in sorted(enumerate(jobs), key=lambda each: _is_raw(each[1].input)):
        jobs[number] = placed = _placed(job, advice, taken)
        if placed.error is None:
            results = (placed.output, placed.compare)
            taken |= {_identity(path): job.input for path in results if path}
    yield from jobs


def _placed(job: Job, inputs: Mapping[_Identity, str], taken: Mapping[_Identity, Path]) -> Job:
    """Return a job with free names for its results, or with the reason why there are none.

    Args:
        job: A job.
        inputs: The files that no result may overwrite, with what to do instead.
        taken: The results of earlier jobs, with their inputs.
    """
    if job.error is not None or job.output is None:
        return job
    if job.compare is not None and _identity(job.compare) in inputs.keys() | taken.keys():
        # such as for cat.jpg beside cat.png, whose comparison would have the same name
        name = f"{job.output.stem}_{job.output.suffix[1:].lower()}{_COMPARE}"
        job = replace(job, compare=job.compare.with_name(name))
    for path in (job.output, job.compare):
        if path is not None and (advice := inputs.get(_identity(path))) is not None:
            return replace(job, error=f"its result {path} would overwrite an input; {advice}")
        if path is not None and (other := taken.get(_identity(path))) is not None:
            reason = f"its result {path} is also that of {other}; run them with different -o"
            return replace(job, error=reason)
    return job


def _is_raw(file: Path) -> bool:
    return file.suffix.lower() in RAW


def _identity(path: Path) -> _Identity:
    """Return a key that is the same for all names of one file, including hard links."""
    try:
        found = path.stat()
    except OSError:
        name = os.path.normcase(_real(path))
        return name.casefold() if sys.platform == "darwin" else name
    return found.st_dev, found.st_ino


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # unlike `resolve`, this accepts circular links
