"""A recipe becomes a folder: checkpoint, log, and in the end the weights with their facts.

RECIPE.toml ──▶ OUT/checkpoint.pt, OUT/log.jsonl, OUT/tensorboard/ ──▶ OUT/NAME.safetensors
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from torch.optim import Adam

from bigpicture.data.benchmarks import Benchmark, open_benchmark
from bigpicture.data.folders import images_in
from bigpicture.data.patches import Patches
from bigpicture.data.photographs import prepare
from bigpicture.data.queries import Queries
from bigpicture.infer.device import choose_device
from bigpicture.metrics.protocol import PROTOCOLS
from bigpicture.models.catalog import build
from bigpicture.models.network import Network
from bigpicture.train.average import running_average
from bigpicture.train.checkpoint import Run
from bigpicture.train.journal import Journal
from bigpicture.train.loop import train, validate
from bigpicture.train.recipe import Recipe
from bigpicture.weights.file import load_fitting, save_network
from bigpicture.weights.index import find

__all__ = ["run_recipe", "start"]


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
        dry_run: Check everything up to the first step's data, say what would be done, do nothing.
        device: `auto`, `cpu`, `cuda` or `mps`.
        console: Where to talk.

    Raises:
        ValueError: If the recipe, its data or the folder cannot be used; it says which.
    """
    console = console or Console()
    checkpoint = out / "checkpoint.pt"
    if recipe.watch.protocol not in PROTOCOLS:
        raise ValueError(
            f"watch.protocol is {recipe.watch.protocol!r}; there are {', '.join(PROTOCOLS)}"
        )
    if checkpoint.exists() and not (resume or dry_run):
        raise ValueError(f"{checkpoint} exists; use --resume to go on, or another --out")
    run, missing = start(recipe, device)
    _describe(recipe, run.network, missing, console)
    benchmark = _benchmark(recipe)
    photographs = sum(len(images_in(folder)) for folder in recipe.data.train)
    console.print(f"{photographs} photographs in {', '.join(map(str, recipe.data.train))}")
    if dry_run:
        return None
    out.mkdir(parents=True, exist_ok=True)
    journal = Journal(out, recipe.watch.log_every, console)
    train(recipe, run, _patches(recipe, console), benchmark, checkpoint, journal)
    file = out / f"{recipe.name}.safetensors"
    average = run.average.module
    assert isinstance(average, Network)
    save_network(average, file, _facts(recipe, average, benchmark))
    console.print(f"weights: {file}")
    return file


def start(recipe: Recipe, device: str) -> tuple[Run, list[str]]:
    """Return network, average and optimiser, and the tensors that `model.start` had nothing for."""
    torch.manual_seed(recipe.data.seed)
    network = build(recipe.model.size, recipe.model.scale, recipe.model.attention)
    if recipe.data.scales is not None and not network.limits.any_scale:
        raise ValueError(f"data.scales is given, but {recipe.model.size} renders one scale only")
    missing = []
    if recipe.model.start is not None:
        missing = load_fitting(network, find(recipe.model.start))
    network.to(choose_device(device))
    if recipe.precision.channels_last:
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    average = running_average(network, recipe.optimiser.ema)
    optimiser = Adam(network.parameters(), lr=recipe.optimiser.rate, betas=recipe.optimiser.betas)
    return Run(network, average, optimiser), missing


def _describe(recipe: Recipe, network: Network, missing: list[str], console: Console) -> None:
    parameters = sum(p.numel() for p in network.parameters())
    low, high = recipe.data.scales or (recipe.model.scale, None)
    scales = f"×{low}" if high is None else f"×{low:g} to ×{high:g}"
    console.print(
        f"{recipe.name}: {recipe.model.size} {scales}, {parameters:,} parameters; "
        f"{recipe.optimiser.steps} steps of {recipe.data.images} crops of {recipe.data.patch}²"
    )
    if recipe.model.start is not None:
        names = f"; untrained: {', '.join(missing)}" if missing else ""
        console.print(f"starts from {recipe.model.start}{names}")


def _benchmark(recipe: Recipe) -> Benchmark | None:
    folder = recipe.watch.benchmark
    return None if folder is None else open_benchmark(folder, scale=recipe.validation_scale)


def _patches(recipe: Recipe, console: Console) -> Patches | Queries:
    data, scale = recipe.data, recipe.model.scale
    # without a scale, crops are as large as the greatest one needs
    smallest = data.patch if data.scales is None else round(data.patch * data.scales[1])
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("preparing photographs")
        photographs = prepare(
            data.train,
            data.cache,
            scale,
            smallest,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    if data.scales is not None:
        points = data.points
        return Queries(photographs, data.scales, data.images, data.patch, points, data.seed)
    assert scale is not None  # recipes have the one or the other
    return Patches(photographs, scale, data.images, data.patch, data.seed)


def _facts(recipe: Recipe, network: Network, benchmark: Benchmark | None) -> Mapping[str, Any]:
    """Return what the weights' file will say about them."""
    scores = {}
    if benchmark is not None and recipe.watch.benchmark is not None:
        report = validate(network, network.limits, benchmark, recipe)
        scores[recipe.watch.benchmark.name] = report.mean
    return {
        "name": recipe.name,
        "parameters": sum(p.numel() for p in network.parameters()),
        "training_data": recipe.data.description,
        "licence": recipe.data.licence,
        "steps": recipe.optimiser.steps,
        "recipe": recipe.model_dump(mode="json", exclude={"data": {"train", "cache"}}),
        "protocol": recipe.watch.protocol,
        "scores": scores,
    }
