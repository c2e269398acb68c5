"""Enlarge a batch of pictures; one that fails is reported and does not stop the others.

While one picture is computed, the next are read and the previous are written. A batch that was
stopped can be resumed: a result exists only if it is complete, and parts of others are removed.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from bigpicture.app.console import Bar, bar, complain, printable, say, write_report
from bigpicture.app.jobs import Job, in_the_way
from bigpicture.app.overlap import Stages, overlap
from bigpicture.app.recording import heard_in, warnings_told_apart
from bigpicture.app.restore import AnyPicture, Facts, Restoring, Source, nbytes
from bigpicture.app.stopping import Stop, Stopped, stoppable
from bigpicture.compute.allocation import memory_kept
from bigpicture.image import ImageWarning
from bigpicture.image.read import is_image
from bigpicture.image.save import remove_leftovers
from bigpicture.infer.enlarge import EngineWarning
from bigpicture.infer.peak import PeakMemory


@dataclass
class Item:
    """The outcome of one input.

    Attributes:
        input: The input file.
        output: The result file, None if there is none.
        status: Whether the result was made, existed already, or failed.
        model: Name of the network.
        error: Why it failed.
        compare: The comparison file, if one was requested.
        input_size: Width and height, of the first page if there are several.
        output_size: As `input_size`.
        pages: Number of pages that were enlarged.
        tiling: Per run of the network: sizes, tiles, side (None: untiled), halo, sweeps, context.
        tiles: Number of tiles that were computed.
        drift: Drift of the low frequencies where they are matched, see `bigpicture.infer.matching`.
        seconds: Time for reading, computing and writing, which overlaps that of other inputs.
        peak_memory: Peak memory of the process in bytes while this picture was computed.
        peak_device_memory: Peak bytes of tensors on the device, if that has its own memory.
        warnings: What was lost, or done differently from the request.
    """

    input: str
    output: str | None
    status: Literal["done", "skipped", "failed"]
    model: str
    error: str | None = None
    compare: str | None = None
    input_size: tuple[int, int] | None = None
    output_size: tuple[int, int] | None = None
    pages: int = 0
    tiling: list[dict[str, Any]] = field(default_factory=list)
    tiles: int = 0
    drift: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    peak_memory: int | None = None
    peak_device_memory: int | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a batch.

    Attributes:
        items: Outcomes in the order of the jobs, without those that were not finished.
        seconds: Duration of the batch.
        computing: Seconds of these during which pictures were computed.
        stopped: Exit status, if a signal ended the batch.
        left_out: Files that were found but are named like results of earlier runs.
    """

    items: list[Item]
    seconds: float
    computing: float
    stopped: int | None = None
    left_out: list[str] = field(default_factory=list)


@dataclass
class _Work:
    """A job in progress: its positions among all jobs and those to do, and what to report of it."""

    job: Job
    output: Path
    number: int
    order: int
    facts: Facts = field(default_factory=Facts)
    source: Source | None = None
    restored: AnyPicture | None = None
    written: bool = False
    error: str | None = None
    seconds: float = 0.0
    memory: tuple[int | None, int | None] = (None, None)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self) -> Iterator[None]:
        """Time a stage of the work, and keep its warnings and its error."""
        start = time.monotonic()
        try:
            with heard_in(self.warnings):
                yield
        # One picture must not end a batch of hours, whatever is wrong with it.
        except Exception as error:
            self.error = _reason(error)
        finally:
            self.seconds += time.monotonic() - start


@dataclass(frozen=True)
class Run:
    """How a batch of pictures is processed.

    Attributes:
        restoring: Turns each picture into its result.
        resume: Skip inputs whose results exist.
        left_out: Files that were found but are not enlarged, for the report.
    """

    restoring: Restoring
    resume: bool = False
    left_out: Sequence[Path] = ()

    def __call__(self, jobs: Iterable[Job], report: Path | None = None) -> Outcome:
        """Do all jobs, print the outcome of each, and write the report even if stopped."""
        batch = _Batch(self, list(jobs))
        try:
            return batch.run()
        finally:
            write_report(report, asdict(batch.outcome()))

    def is_done(self, job: Job) -> bool:
        """Return whether a job can be skipped because its results exist."""
        results = [path for path in (job.output, job.compare) if path is not None]
        return self.resume and job.error is None and all(is_image(path) for path in results)


class _Batch:
    """A batch in progress."""

    def __init__(self, run: Run, jobs: list[Job]) -> None:
        self._restoring = run.restoring
        self._left_out = [str(file) for file in run.left_out]
        self._total = len(jobs)
        self._folders = {job.output.parent for job in jobs if job.output is not None}
        self._items: dict[int, Item] = {}
        self._left: list[_Work] = []
        for number, job in enumerate(jobs):
            if job.output is None or job.error is not None:
                self._items[number] = self._item(job, "failed", error=job.error)
            elif run.is_done(job):
                self._items[number] = self._item(job, "skipped", output=str(job.output))
            elif (reason := in_the_way(job)) is not None:
                self._items[number] = self._item(job, "failed", error=reason)
            else:
                self._left.append(_Work(job, job.output, number, len(self._left)))
        self._start = time.monotonic()
        self._computing = 0.0
        self._stopped: int | None = None

    def run(self) -> Outcome:
        """Do the remaining jobs, and return the outcome of all."""
        for folder in self._folders:
            remove_leftovers(folder)
        for number, item in self._items.items():
            self._tell(number, item)
        try:
            with stoppable() as stop, warnings_told_apart(ImageWarning, EngineWarning):
                self._overlap(stop)
        except Stopped as stopped:
            self._stopped = stopped.status
            done = sum(item.status != "failed" for item in self._items.values())
            complain(f"stopped: {done} of {self._total} done; continue with --resume")
        return self.outcome()

    def outcome(self) -> Outcome:
        """Return the outcomes so far."""
        items = [self._items[number] for number in sorted(self._items)]
        seconds = time.monotonic() - self._start
        return Outcome(
            items, round(seconds, 3), round(self._computing, 3), self._stopped, self._left_out
        )

    def _overlap(self, stop: Stop) -> None:
        with bar(len(self._left)) as shown, memory_kept:
            stages = Stages(
                read=self._read,
                compute=lambda work: self._compute(work, shown, stop),
                write=self._write,
                finished=self._finished,
                size_read=lambda work: 0 if work.source is None else work.source.nbytes,
                size_computed=lambda work: 0 if work.restored is None else nbytes(work.restored),
            )
            overlap(self._left, stages)
        stop.check()

    def _read(self, work: _Work) -> _Work:
        with work.stage():
            work.source = self._restoring.read(work.job.input, work.output)
        return work

    def _compute(self, work: _Work, shown: Bar, stop: Stop) -> _Work:
        stop.check()
        shown.name(work.job.input.name)
        shown.reach(work.order)
        if work.source is not None:
            start, peak = time.monotonic(), PeakMemory(self._restoring.model.device)
            with work.stage():
                work.restored = self._restoring.compute(
                    work.source,
                    work.output,
                    work.facts,
                    lambda part: shown.reach(work.order + part),
                    stop,
                    work.job.compare,
                )
            stop.check()  # the stage has recorded the engine's `Cancelled` as a failure
            work.memory = peak.of_process(), peak.of_device()
            self._computing += time.monotonic() - start
        shown.reach(work.order + 1)
        return work

    def _write(self, work: _Work) -> _Work:
        low = None if work.source is None else work.source.first
        if work.error is None and low is not None and work.restored is not None:
            with work.stage():
                self._restoring.write(work.restored, work.output)
                work.written = True
                if work.job.compare is not None:
                    self._restoring.write_comparison(low, work.restored, work.job.compare)
        work.source = work.restored = None  # free the pixels before it is this job's turn to report
        return work

    def _finished(self, work: _Work) -> None:
        if work.number in self._items:
            return
        done, comparison = work.error is None, work.job.compare
        item = self._item(
            work.job,
            "done" if done else "failed",
            output=str(work.output) if done or work.written else None,
            error=work.error,
            compare=str(comparison) if done and comparison else None,
            seconds=round(work.seconds, 3),
            peak_memory=work.memory[0],
            peak_device_memory=work.memory[1],
            warnings=work.warnings,
            **vars(work.facts),
        )
        self._items[work.number] = item
        self._tell(work.number, item)

    def _item(
        self,
        job: Job,
        status: Literal["done", "skipped", "failed"],
        output: str | None = None,
        **facts: Any,  # noqa: ANN401 - other attributes of an item
    ) -> Item:
        return Item(str(job.input), output, status, self._restoring.model.name, **facts)

    def _tell(self, number: int, item: Item) -> None:
        name, result = printable(item.input), printable(item.output or "")
        place = f"{number + 1:{len(str(self._total))}}/{self._total}  " if self._total > 1 else ""
        if item.status == "failed":
            complain(f"{place}failed   {name}: {printable(item.error or '')}")
        elif item.status == "skipped":
            say(f"{place}skipped  {name}: {result} exists")
        else:
            (w, h), (wide, high) = item.input_size or (0, 0), item.output_size or (0, 0)
            pages = f", {item.pages} pages" if item.pages > 1 else ""
            runs = f", {len(item.tiling)} runs of the network" if len(item.tiling) > 1 else ""
            sizes = f"{w}×{h} → {wide}×{high}{pages}{runs}, {item.seconds:.1f} s"
            say(f"{place}done     {name} → {result}  {sizes}")
        for warning in item.warnings:
            complain(f"{place}warning  {result or name}: {printable(warning)}")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, (ValueError, OSError)) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
