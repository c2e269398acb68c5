"""The log of a run, on the console and in files.

    OUT/log.txt        what the console shows
    OUT/log.jsonl      the numbers of each line, for programs
    OUT/tensorboard    the same as curves, and pictures

A resumed run removes the numbers and curves of steps after its checkpoint.
"""

import json
import time
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from bigpicture.evaluate.run import Report, Restored, finite_or_none
from bigpicture.evaluate.table import where
from bigpicture.image.save import save
from bigpicture.train.board import Board
from bigpicture.train.step import Outcome

__all__ = ["Journal", "Pace"]


class Pace(NamedTuple):
    """How long a step took, in seconds: in total, and waiting for its batch."""

    step: float
    data: float


class Journal:
    """Reports the progress of a run.

    Args:
        out: The run's folder; None writes nothing, as for all processes but the first.
        every: Steps between two lines.
        images: Crops per step.
        console: Where lines are printed.
    """

    def __init__(self, out: Path | None, every: int, images: int, console: Console) -> None:
        self.out, self.every, self.images, self.console = out, every, images, console
        self.losses: deque[dict[str, float]] = deque(maxlen=every)
        self.paces: deque[Pace] = deque(maxlen=every)
        self.total = 0
        self.board = Board(None, 0)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)

    def begin(self, first: int, total: int) -> None:
        """Report where the run starts; drop what was written about later steps."""
        self.total = total
        if self.out is not None:
            _forget_after(first, self.out / "log.jsonl")
            self.board = Board(self.out / "tensorboard", first)
            if self.board.missing:
                self.say(
                    f"no {self.out / 'tensorboard'}: TensorBoard is not installed "
                    f"({self.board.missing}); pip install 'bigpicture[train]'"
                )
        self.say(f"step {first} of {total}")

    def step(self, done: int, outcome: Outcome, pace: Pace) -> None:
        """Record a step; print and write a line every so often."""
        if not outcome.broken:
            self.losses.append(outcome.losses)
        self.paces.append(pace)
        if (done % self.every and done != self.total) or not self.losses:
            return
        seconds, share = self._pace()
        means = {
            name: sum(losses[name] for losses in self.losses) / len(self.losses)
            for name in self.losses[0]
        }
        left = timedelta(seconds=round(seconds * (self.total - done)))
        shown = "  ".join(f"{name} {value:.5f}" for name, value in means.items())
        self.say(
            f"step {done}/{self.total}  {shown}  rate {outcome.rate:.2e}  "
            f"{seconds:.2f} s/step (data {share:.0%})  {left} left"
        )
        self._write(
            done,
            means
            | {
                "rate": outcome.rate,
                "seconds_per_step": seconds,
                "crops_per_second": self.images / seconds,
                "data_share": share,
            },
        )

    def score(self, done: int, report: Report, best: float) -> None:
        """Record a validation."""
        values = "  ".join(f"{name} {value:.4f}" for name, value in report.mean.items())
        self.say(f"step {done}  {where(report)}  {values}  best psnr {best:.4f}", bold=True)
        told = ("benchmark", "scale", "degradation", "protocol")
        self._write(done, report.mean, {name: getattr(report, name) for name in told})

    def picture(self, done: int, restored: Restored) -> None:
        """Show a restored picture of the benchmark."""
        name, _, reference = restored.pair
        for picture in restored.pictures.values():
            self.board.picture(f"{name}/restored", picture, done)
        if reference is not None:
            self.board.once(f"{name}/reference", reference[None])

    def skipped(self, done: int, said: str, skipped: int) -> None:
        """Record a skipped step."""
        self.say(f"warning: {said}")
        self._write(done, {"skipped": skipped})

    def say(self, text: str, bold: bool = False) -> None:
        """Print a line and write it to the log."""
        self.console.print(text, style="bold" if bold else None, markup=False, soft_wrap=True)
        self.note(text)

    def note(self, text: str) -> None:
        """Write a line to the log without printing it."""
        if self.out is not None:
            with (self.out / "log.txt").open("a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")

    def close(self) -> None:
        """Write what has not been written yet."""
        self.board.close()

    def _pace(self) -> tuple[float, float]:
        seconds = sum(pace.step for pace in self.paces)
        waited = sum(pace.data for pace in self.paces)
        return seconds / len(self.paces), waited / seconds

    def _write(
        self,
        done: int,
        values: dict[str, float] | dict[str, int],
        of: Mapping[str, str | int | float | None] | None = None,
    ) -> None:
        if self.out is None:
            return
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as file:
            said = {**(of or {}), **finite_or_none(values)}
            line = {"step": done, "time": round(time.time()), **said}
            file.write(json.dumps(line, allow_nan=False) + "\n")
        self.board.values(values, done)


def _forget_after(step: int, file: Path) -> None:
    """Drop the lines of later steps, and one that a killed process left half written."""
    if not file.exists():
        return
    kept = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except json.JSONDecodeError:
            continue
    save(file, ["".join(kept).encode()])
