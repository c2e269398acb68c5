"""What a run says about itself: a progress bar, a log file, TensorBoard."""

import json
import time
from collections import deque
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from bigpicture.evaluate.run import Report

__all__ = ["Journal"]


class Journal:
    """Tells how a run goes: on the console, in OUT/log.jsonl and, if installed, to TensorBoard.

    Args:
        out: The run's folder.
        every: Steps between two lines.
        console: Where lines are printed.
    """

    def __init__(self, out: Path, every: int, console: Console) -> None:
        self.file = out / "log.jsonl"
        self.every, self.console = every, console
        self.losses: deque[float] = deque(maxlen=every)
        self.seconds: deque[float] = deque(maxlen=every)
        self.waits: deque[float] = deque(maxlen=every)
        self.total = 0
        self.board = _tensorboard(out)

    def begin(self, first: int, total: int) -> None:
        """Say where the run starts."""
        self.total = total
        self.console.print(f"step {first} of {total}")

    def step(self, done: int, loss: float, rate: float, wait: float, seconds: float) -> None:
        """Take note of a step; print and write every so often."""
        self.losses.append(loss)
        self.seconds.append(seconds)
        self.waits.append(wait)
        if done % self.every and done != self.total:
            return
        mean = sum(self.losses) / len(self.losses)
        pace = sum(self.seconds) / len(self.seconds)
        share = sum(self.waits) / sum(self.seconds)
        left = timedelta(seconds=round(pace * (self.total - done)))
        self.console.print(
            f"step {done}/{self.total}  L1 {mean:.5f}  rate {rate:.2e}  "
            f"{pace:.2f} s/step (data {share:.0%})  {left} left"
        )
        self._write(done, {"l1": mean, "rate": rate, "seconds_per_step": pace, "data_share": share})

    def score(self, done: int, report: Report, best: float) -> None:
        """Take note of a validation."""
        values = "  ".join(f"{name} {value:.4f}" for name, value in report.mean.items())
        said = f"step {done}  {report.protocol}  {values}  best psnr {best:.4f}"
        self.console.print(f"[bold]{said}[/bold]")
        self._write(done, report.mean)

    def _write(self, done: int, values: dict[str, float]) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": done, "time": round(time.time()), **values}) + "\n")
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(name, value, done)


def _tensorboard(out: Path):  # noqa: ANN202 - its type is there only when it is installed
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(out / "tensorboard"))
