"""A dry run: two steps on real batches, to know the memory and time of a run beforehand.

Where batches have scales, the greatest is tried, which takes the most memory and time. Nothing is
written, and what the steps have learned is discarded.
"""

import time
from dataclasses import replace
from datetime import timedelta

from bigpicture.data.loader import Crops
from bigpicture.data.queries import Queries
from bigpicture.data.settings import Interval
from bigpicture.infer.peak import PeakMemory
from bigpicture.train.checkpoint import Run
from bigpicture.train.loop import batches_of, timed
from bigpicture.train.processes import Processes
from bigpicture.train.recipe import Recipe
from bigpicture.train.step import Learner

__all__ = ["try_out"]

_STEPS = 2  # the first makes what all later ones reuse


def try_out(recipe: Recipe, run: Run, crops: Crops, processes: Processes, done: int = 0) -> str:
    """Make two steps; return a line on the memory and time of one, and the time of the run.

    The time is that of steps and of waiting for their batches, without validation.

    Args:
        recipe: The recipe.
        run: What learns.
        crops: Source of the batches.
        processes: The processes that take part.
        done: Steps that the run has already made.

    Raises:
        ValueError: If they do not fit into memory, or a loss or gradient is not finite.
    """
    peak = PeakMemory(processes.device)
    run.network.train()
    learner = Learner(recipe, run, processes)
    crops, at = _largest(crops)
    seconds, losses = 0.0, {}
    steps = range(done, done + _STEPS)
    batches = timed(batches_of(recipe, crops, processes, steps))
    for step, (batch, _, began) in zip(steps, batches, strict=True):
        outcome = learner.step(step, batch)
        seconds = time.perf_counter() - began
        losses = outcome.losses
        if outcome.broken:
            raise ValueError(
                f"step {step + 1} gives {', '.join(outcome.broken)} not finite: "
                f"{losses}; lower optimiser.rate, or start from other weights"
            )
    left = recipe.optimiser.steps - done
    whole = timedelta(seconds=round(seconds * left))
    found = ", ".join(f"{name} {loss:.4f}" for name, loss in losses.items())
    return (
        f"tried {_STEPS} steps on {processes.device}: {found}; "
        f"{_memory(peak)}, {seconds:.2f} s a step{at and f' at {at}'}, "
        f"{'at most' if at else 'about'} {whole} for the {left} steps left"
        f"{', without validation' if recipe.watch.benchmark else ''}"
    )


def _largest(crops: Crops) -> tuple[Crops, str]:
    """Return crops at their greatest scale, and its name; "" if they have only one."""
    if not isinstance(crops, Queries):
        return crops, ""
    most = crops.scales.greatest
    return replace(crops, scales=Interval(most, most)), f"×{most:g}"


def _memory(peak: PeakMemory) -> str:
    process, device = peak.of_process(), peak.of_device()
    found = {"of memory": process, "of device memory": device}
    said = [f"{size / 2**30:.2f} GiB {what}" for what, size in found.items() if size is not None]
    return " and ".join(said) or "memory unknown"
