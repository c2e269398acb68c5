"""A recipe becomes a folder: checkpoints, logs, and weights with their facts.

RECIPE.toml ──▶ OUT/checkpoint.pt, OUT/log.txt, OUT/log.jsonl, OUT/tensorboard/
            ──▶ OUT/NAME-best.safetensors, and in the end OUT/NAME.safetensors
"""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import Progress as Bar

from bigpicture.compute.allocation import memory_kept
from bigpicture.data.benchmarks import Benchmark, open_benchmark
from bigpicture.data.patches import Patches
from bigpicture.data.queries import Queries
from bigpicture.data.training import open_crops
from bigpicture.evaluate.run import Report
from bigpicture.train.checkpoint import Checkpoints, Run
from bigpicture.train.journal import Journal
from bigpicture.train.loop import Surroundings, train
from bigpicture.train.processes import Processes
from bigpicture.train.read import unstated
from bigpicture.train.recipe import Recipe
from bigpicture.train.result import write_weights
from bigpicture.train.start import Start, start
from bigpicture.train.trial import try_out
from bigpicture.train.validation import look_through, validate

__all__ = ["run_recipe"]


def run_recipe(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    dry_run: bool = False,
    device: str = "auto",
    console: Console | None = None,
) -> Path | None:
    """Train what a recipe says; return the file of the weights, or None after a dry run.

    Args:
        recipe: The run.
        out: Its folder.
        resume: Go on from the folder's checkpoint. Without, a folder that has one is refused.
        dry_run: Check everything and try two steps, say what would be done, write no results.
        device: `auto`, `cpu`, `cuda` or `mps`.
        console: Where to talk.

    Raises:
        ValueError: If the recipe, its data or the folder cannot be used; it says which.
        FloatingPointError: If too many steps had to be skipped.
        ImportError: If something is asked for whose packages are not installed.
    """
    _check(out, resume or dry_run)
    processes = Processes(device)
    console = (console or Console()) if processes.main else Console(quiet=True)
    begun = start(recipe, processes)
    benchmark = _benchmark(recipe, processes)
    with processes.main_first():
        crops = _crops(recipe, console)
    own = out if processes.main and not dry_run else None
    journal = Journal(own, recipe.watch.log_every, recipe.data.images, console)
    for line in _described(recipe, begun, crops, processes):
        journal.say(line)
    if dry_run:
        journal.say(try_out(recipe, begun.run, crops, processes))
        return None
    try:
        around = Surroundings(crops, benchmark, out, processes, journal)
        with memory_kept:
            report = train(recipe, begun.run, around)
    except Exception as error:
        journal.note(f"ended by an error: {error}")  # which is printed where it is caught
        raise
    finally:
        journal.close()
    file = out / f"{recipe.name}.safetensors"
    if processes.main:
        report = report or _score(recipe, begun.run, benchmark)
        write_weights(file, recipe, begun.run, report, recipe.optimiser.steps)
    processes.wait()
    journal.say(f"weights: {file}")
    return file


def _check(out: Path, may_exist: bool) -> None:
    checkpoints = Checkpoints(out)
    if checkpoints.exist() and not may_exist:
        raise ValueError(f"{checkpoints.newest} exists; use --resume to go on, or another --out")


def _described(
    recipe: Recipe, begun: Start, crops: Patches | Queries, processes: Processes
) -> Iterator[str]:
    """Yield lines on what is going to be done."""
    parameters = sum(p.numel() for p in begun.run.network.parameters())
    scales = recipe.data.scales or f"×{recipe.model.scale}"
    yield (
        f"{recipe.name}: {recipe.model.size} {scales}, {parameters:,} parameters; "
        f"{recipe.optimiser.steps} steps of {recipe.data.images} crops of {recipe.data.patch}²"
    )
    losses = ", ".join(name for name, part in recipe.losses if part is not None)
    several = f", {processes.count} processes" if processes.count > 1 else ""
    yield f"{losses} in {recipe.precision.numbers} on {processes.device.type}{several}"
    if recipe.model.start is not None:
        names = f"; untrained: {', '.join(begun.missing)}" if begun.missing else ""
        yield f"starts from {recipe.model.start}{names}"
    count = len(crops.photographs)
    places = ", ".join(map(str, recipe.data.train))
    yield f"{count} {'picture' if count == 1 else 'pictures'} in {places}"
    if keys := unstated(recipe):
        yield f"{' and '.join(keys)}: not stated, and so in the weights; --set KEY=TEXT states them"


def _benchmark(recipe: Recipe, processes: Processes) -> Benchmark | None:
    if recipe.watch.benchmark is None:
        return None
    benchmark = open_benchmark(recipe.watch.benchmark, scale=recipe.validation_scale)
    if processes.main:
        look_through(benchmark, recipe)
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
