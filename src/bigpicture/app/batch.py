"""Enlarge one picture after the other: a bad one is reported, the others are done."""

import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from bigpicture.app.compare import compare
from bigpicture.app.console import bar, complain, say, write_report
from bigpicture.app.jobs import Job
from bigpicture.image import ImageWarning, Picture, read, write
from bigpicture.infer.model import Model
from bigpicture.infer.precision import Precision


@dataclass(frozen=True)
class Item:
    """What became of an input. Sizes are [width, height]; seconds include reading and writing."""

    input: str
    output: str | None
    status: Literal["done", "skipped", "failed"]
    model: str
    error: str | None = None
    compare: str | None = None
    input_size: tuple[int, int] | None = None
    output_size: tuple[int, int] | None = None
    tiles: int | None = None
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Run:
    """What is done to every picture.

    Attributes:
        model: Enlarges them.
        sized: What `Model.plan` takes: the size wanted and how it is computed in tiles.
        ensemble: As in `Model.upscale`.
        precision: As in `Model.upscale`.
        quality: Of lossy formats, 1 to 100; None takes the writer's.
        resume: Leave out inputs whose results are there.
    """

    model: Model
    sized: dict[str, Any]
    ensemble: bool = False
    precision: Precision = "auto"
    quality: int | None = None
    resume: bool = False

    def __call__(self, jobs: Iterable[Job], report: Path | None = None) -> list[Item]:
        """Do all jobs, say what became of each, and write a report even if interrupted."""
        jobs, items = list(jobs), []
        try:
            with bar(len(jobs)) as shown:
                for done, job in enumerate(jobs):
                    shown.name(job.input.name)
                    items.append(self._item(job, lambda part, done=done: shown.reach(done + part)))
                    shown.reach(done + 1)
                    _tell(items[-1])
        finally:
            write_report(report, {"items": [asdict(item) for item in items]})
        return items

    def _item(self, job: Job, progress: Callable[[int | float], None]) -> Item:
        if job.output is None or job.error is not None:
            return Item(str(job.input), None, "failed", self.model.name, job.error)
        if self.resume and all(p.exists() for p in (job.output, job.compare) if p is not None):
            return Item(str(job.input), str(job.output), "skipped", self.model.name)
        start = time.monotonic()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ImageWarning)
            try:
                facts = self._enlarge(job, job.output, progress)
            # A batch of hours must not end at one picture, whatever is wrong with it.
            except Exception as error:
                facts = {"status": "failed", "output": None, "error": _reason(error)}
        facts.setdefault("warnings", [str(w.message) for w in caught if _is_for_users(w.category)])
        facts["seconds"] = round(time.monotonic() - start, 3)
        return Item(input=str(job.input), model=self.model.name, **facts)

    def _enlarge(
        self, job: Job, output: Path, progress: Callable[[int | float], None]
    ) -> dict[str, Any]:
        """Read, enlarge and write a picture; return what there is to report of it."""
        low = read(job.input)
        plan = self.model.plan((low.height, low.width), **self.sized)
        restored: Picture = self.model.upscale(
            low,
            progress=lambda done, total: progress(done / total),
            ensemble=self.ensemble,
            precision=self.precision,
            **self.sized,
        )
        output.parent.mkdir(parents=True, exist_ok=True)
        write(restored, output, quality=self.quality)
        if job.compare is not None:
            write(compare(low, restored, self.model.name), job.compare)
        return {
            "status": "done",
            "output": str(output),
            "compare": None if job.compare is None else str(job.compare),
            "input_size": (low.width, low.height),
            "output_size": (restored.width, restored.height),
            "tiles": sum(each.tiles for each in plan.passes),
        }


def _tell(item: Item) -> None:
    if item.status == "failed":
        complain(f"failed   {item.input}: {item.error}")
    elif item.status == "skipped":
        say(f"skipped  {item.input}: {item.output} is there")
    else:
        (w, h), (wide, high) = item.input_size or (0, 0), item.output_size or (0, 0)
        say(f"done     {item.input} → {item.output}  {w}×{h} → {wide}×{high}, {item.seconds:.1f} s")
    for warning in item.warnings:
        complain(f"warning  {item.output or item.input}: {warning}")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, (ValueError, OSError)) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _is_for_users(kind: type[Warning]) -> bool:
    return issubclass(kind, ImageWarning)
