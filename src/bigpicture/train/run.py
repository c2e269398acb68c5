"""From a recipe to a folder of checkpoints, logs, and weights with their facts.

RECIPE.toml ──▶ OUT/checkpoint.pt, OUT/log.txt, OUT/log.jsonl, OUT/tensorboard/
            ──▶ OUT/NAME-best.safetensors, and in the end OUT/NAME.safetensors
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Event

from rich.console import Console
from rich.progress import Progress as Bar

from bigpicture.compute.allocation import memory_kept
from bigpicture.data.benchmarks import Benchmark, open_benchmark
from bigpicture.data.patches import Patches
from bigpicture.data.queries import Queries
from bigpicture.data.training import open_crops
from bigpicture.evaluate.run import Report
from bigpicture.train.changes import go_on_with, without_places
from bigpicture.train.checkpoint import Checkpoints, Progress, Run
from bigpicture.train.journal import Journal
from bigpicture.train.loop import Surroundings, train
from bigpicture.train.processes import Processes
from bigpicture.train.read import unstated
from bigpicture.train.recipe import Recipe
from bigpicture.train.result import write_weights
from bigpicture.train.schedule import unreached
from bigpicture.train.start import Start, start
from bigpicture.train.trial import try_out
from bigpicture.train.validation import look_through, validate
from bigpicture.weights.start import Fitted

__all__ = ["run_recipe"]


def run_recipe(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    dry_run: bool = False,
    device: str = "auto",
    console: Console | None = None,
    stopping: AbstractContextManager[Event] | None = None,
) -> Path | None:
    """Train by a recipe; return the file of the weights, or None if none were written.

    Args:
        recipe: The recipe.
        out: Folder of the run.
        resume: Resume from the folder's checkpoint, if it has one. If False, refuse such a folder.
        dry_run: Check everything, try two steps, report what would be done, and write no results.
        device: `auto`, `cpu`, `cuda` or `mps`.
        console: Where to print.
        stopping: Entered while steps are made, which must not be torn. Once the event that it
            yields is set, the run ends after the current step, with a checkpoint and no weights.

    Raises:
        ValueError: If the recipe, its data or the folder cannot be used; the message says which.
        FloatingPointError: If too many steps had to be skipped.
        ImportError: If a package that the recipe needs is not installed.
        OSError: If results cannot be written, or weights of a loss cannot be downloaded.
    """
    checkpoints = Checkpoints(out)
    goes_on = _goes_on(checkpoints, resume, dry_run)
    processes = Processes(device)
    console = (console or Console()) if processes.main else Console(quiet=True)
    begun = start(recipe, processes, goes_on=goes_on)
    progress, news = _progress(recipe, begun.run, checkpoints if goes_on else None)
    benchmark = _benchmark(recipe, processes)
    with processes.main_first():
        crops = _crops(recipe, console)
    own = out if processes.main and not dry_run else None
    journal = Journal(own, recipe.watch.log_every, recipe.data.images, console)
    begins = [f"no checkpoint in {out}: starting at step 0"] if resume and not goes_on else []
    for line in [*begins, *_described(recipe, begun, crops, benchmark, processes), *news]:
        journal.say(line)
    if dry_run:
        journal.say(try_out(recipe, begun.run, crops, processes, progress.step))
        return None
    with stopping or nullcontext(Event()) as stop:
        around = Surroundings(crops, benchmark, out, checkpoints, processes, journal, stop)
        return _trained(recipe, begun.run, progress, around)


def _goes_on(checkpoints: Checkpoints, resume: bool, dry_run: bool) -> bool:
    """Return whether to resume from a checkpoint; refuse to begin where there is one."""
    if checkpoints.exist() and not (resume or dry_run):
        raise ValueError(f"{checkpoints.newest} exists; use --resume to go on, or another --out")
    return resume and checkpoints.exist()


def _progress(
    recipe: Recipe, run: Run, checkpoints: Checkpoints | None
) -> tuple[Progress, list[str]]:
    """Return a run's progress, restored from a checkpoint if given, and lines on recipe changes."""
    if checkpoints is None:
        return Progress(recipe=without_places(recipe)), []
    progress = checkpoints.restore(run)
    return progress, go_on_with(recipe, progress)


def _trained(recipe: Recipe, run: Run, progress: Progress, around: Surroundings) -> Path | None:
    """Make the steps and write the weights; log how the run ended, whatever happens."""
    journal, processes = around.journal, around.processes
    file = around.folder / f"{recipe.name}.safetensors"
    try:
        with memory_kept:
            report = train(recipe, run, progress, around)
        if done := progress.step == recipe.optimiser.steps:
            if processes.main:
                report = report or _score(recipe, run, around.benchmark)
                write_weights(file, recipe, run, report, progress)
            journal.say(f"weights: {file}")
        else:
            journal.say(f"stopped after step {progress.step}; --resume goes on")
        processes.wait()  # the launcher ends all processes when one has ended
        return file if done else None
    except KeyboardInterrupt:
        journal.say("stopped at once; --resume goes on from the last checkpoint")
        raise
    except Exception as error:
        journal.note(f"ended by an error: {error}")  # which is printed where it is caught
        raise
    finally:
        journal.close()


def _described(
    recipe: Recipe,
    begun: Start,
    crops: Patches | Queries,
    benchmark: Benchmark | None,
    processes: Processes,
) -> Iterator[str]:
    """Yield lines that describe the run."""
    parameters = sum(p.numel() for p in begun.run.network.parameters())
    scales = recipe.data.scales or f"×{recipe.model.scale}"
    yield (
        f"{recipe.name}: {recipe.model.size} {scales}, {parameters:,} parameters; "
        f"{recipe.optimiser.steps} steps of {recipe.data.images} crops of {recipe.data.patch}²"
    )
    if late := unreached(recipe.optimiser):
        yield f"not reached in {recipe.optimiser.steps} steps: {', '.join(late)}"
    losses = ", ".join(name for name, part in recipe.losses if part is not None)
    several = f", {processes.count} processes" if processes.count > 1 else ""
    yield f"{losses} in {recipe.precision.numbers} on {processes.device.type}{several}"
    if begun.fitted is not None:
        yield f"starts from {recipe.model.start}{_not_taken(begun.fitted)}"
    count = len(crops.photographs)
    places = ", ".join(map(str, recipe.data.train))
    yield f"{count} {'picture' if count == 1 else 'pictures'} in {places}"
    if benchmark is not None:
        made = f", {benchmark.degradation.upper()}" if benchmark.degradation else ""
        yield f"scored on {benchmark.name}, ×{benchmark.scale:g}{made}: {len(benchmark)} pictures"
    if keys := unstated(recipe):
        yield f"{' and '.join(keys)}: not stated, and so in the weights; --set KEY=TEXT states them"


def _not_taken(fitted: Fitted) -> str:
    """Return what of the network was not in the file, and which settings were others."""
    names = f"; untrained: {', '.join(fitted.missing)}" if fitted.missing else ""
    if fitted.changed is None:
        return f"{names}; its settings are not known"
    return names + (f"; changed settings: {', '.join(fitted.changed)}" if fitted.changed else "")


def _benchmark(recipe: Recipe, processes: Processes) -> Benchmark | None:
    watch = recipe.watch
    if watch.benchmark is None:
        return None
    try:
        benchmark = open_benchmark(
            watch.benchmark,
            watch.low,
            scale=recipe.validation_scale,
            degrade=recipe.validation_degradation,
        )
        if processes.main:
            look_through(benchmark, recipe)
    except ValueError as error:
        raise ValueError(
            f"watch.benchmark: {error}\n  --set watch.benchmark=FOLDER takes another, "
            "--set watch.benchmark= none"
        ) from error
    return benchmark


def _crops(recipe: Recipe, console: Console) -> Patches | Queries:
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("preparing pictures")
        return open_crops(
            recipe.data,
            recipe.model.scale,
            lambda done, total: bar.update(task, completed=done, total=total),
        )


def _score(recipe: Recipe, run: Run, benchmark: Benchmark | None) -> Report | None:
    if benchmark is None:
        return None
    return validate(run.average.module, run.network.limits, benchmark, recipe)
