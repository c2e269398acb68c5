"""The training loop, top to bottom.

    [batch → step → journal → scores → checkpoint] × steps

A step's crops depend on seed and step alone, and every checkpoint holds everything that learns, so
an interrupted run resumes as if it had not been interrupted.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import NamedTuple

import torch

from bigpicture.data.batch import Batch
from bigpicture.data.benchmarks import Benchmark
from bigpicture.data.loader import Crops, load_batches
from bigpicture.data.training import choose_workers
from bigpicture.evaluate.run import Report, Restored
from bigpicture.train.checkpoint import Checkpoints, Progress, Run
from bigpicture.train.guard import Guard
from bigpicture.train.journal import Journal, Pace
from bigpicture.train.processes import Processes
from bigpicture.train.recipe import Recipe
from bigpicture.train.result import write_weights
from bigpicture.train.step import Learner
from bigpicture.train.validation import validate

__all__ = ["Surroundings", "batches_of", "timed", "train"]


class Surroundings(NamedTuple):
    """Inputs of a run, and where its results go.

    Attributes:
        crops: Source of the batches.
        benchmark: Benchmark that the run is scored on, if any.
        folder: Folder for best weights and skipped batches.
        checkpoints: The checkpoints of the run.
        processes: The processes that take part.
        journal: Log of the run.
        stop: Once it is set, the run ends after the next sound step, with a checkpoint.
    """

    crops: Crops
    benchmark: Benchmark | None
    folder: Path
    checkpoints: Checkpoints
    processes: Processes
    journal: Journal
    stop: Event


def train(recipe: Recipe, run: Run, progress: Progress, around: Surroundings) -> Report | None:
    """Train `run` to the recipe's last step, or until it is stopped; advance `progress`.

    Returns:
        The scores of the last validation, None if this process made none.

    Raises:
        FloatingPointError: If too many steps had to be skipped. The last checkpoint stays.
    """
    _, benchmark, folder, checkpoints, processes, journal, stop = around
    watch, steps = recipe.watch, recipe.optimiser.steps
    learner = Learner(recipe, run, processes)
    guard = Guard(folder / "skipped", watch.skips, processes.share)
    report = None
    run.network.train()
    journal.begin(progress.step, steps)
    batches = batches_of(recipe, around.crops, processes, range(progress.step, steps))
    for batch, waited, began in timed(batches):
        outcome = learner.step(progress.step, batch)
        progress.step += 1
        done, last = progress.step, progress.step == steps
        if outcome.broken:
            said = guard.skip(progress, batch, outcome.losses, outcome.broken)
            journal.skipped(done, said, progress.skipped)
        journal.step(done, outcome, Pace(time.perf_counter() - began, waited))
        if benchmark and processes.main and (last or done % watch.validate_every == 0):
            report = _score(recipe, run, benchmark, progress, around)
        stopped = processes.any(stop.is_set())  # all at the same step, or some would wait
        # A checkpoint right after a skipped step might hold weights that have diverged.
        if (last or stopped or done % watch.save_every == 0) and not outcome.broken:
            if processes.main:
                checkpoints.save(run, progress)
            if stopped:
                break
    return report


def batches_of(recipe: Recipe, crops: Crops, processes: Processes, steps: range) -> Iterator[Batch]:
    """Yield this process's share of the batch of each step, as floats on its device."""
    device = processes.device
    layout = torch.channels_last if recipe.precision.channels_last else torch.contiguous_format
    batches = load_batches(
        crops,
        steps,
        share=processes.share,
        workers=choose_workers(recipe.data, device),
        pin=device.type == "cuda",
    )
    for batch in batches:
        yield batch.to(device, layout)


def timed(batches: Iterable[Batch]) -> Iterator[tuple[Batch, float, float]]:
    """Yield each batch, how long it was waited for, and when the wait began."""
    began = time.perf_counter()
    for batch in batches:
        yield batch, time.perf_counter() - began, began
        began = time.perf_counter()


def _score(
    recipe: Recipe, run: Run, benchmark: Benchmark, progress: Progress, around: Surroundings
) -> Report:
    """Validate the average of the weights; write it if it is the best so far."""
    shown = 0

    def show(restored: Restored) -> None:
        nonlocal shown
        if shown < recipe.watch.pictures:
            around.journal.picture(progress.step, restored)
            shown += 1

    network = run.average.module
    report = validate(network, run.network.limits, benchmark, recipe, show)
    if report.mean["psnr"] > progress.best:
        progress.best = report.mean["psnr"]
        write_weights(
            around.folder / f"{recipe.name}-best.safetensors", recipe, run, report, progress
        )
    around.journal.score(progress.step, report, progress.best)
    return report
