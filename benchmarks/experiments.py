"""Measure what each operator adds: the same small network, budget and seed with and without it.

    python benchmarks/experiments.py --data PHOTOGRAPHS --benchmarks FOLDER [--out runs/experiments]

Trains both sides of every experiment with each seed by `recipes/experiments/NAME.toml`, scores
them on all sets in FOLDER and rewrites the tables in `docs/experiments.md`. Finished runs are not
repeated, and interrupted ones are resumed. The first table shows the pairs that are complete. A
finished run whose recipe or network has changed since then is refused.
"""

import argparse
import json
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

import bigpicture
from bigpicture.app.evaluate import measure, restorer
from bigpicture.config import load
from bigpicture.data.benchmarks import open_benchmark
from bigpicture.models.catalog import build
from bigpicture.train.changes import without_places
from bigpicture.train.recipe import Recipe
from bigpicture.train.run import run_recipe
from bigpicture.weights.errors import WeightsError
from bigpicture.weights.file import load_file
from bigpicture.weights.read import read_facts

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "experiments.md"
PROTOCOL = "sr-y"


@dataclass(frozen=True)
class Experiment:
    """A comparison of a network with an operator and without it.

    Attributes:
        recipe: Name of the recipe of the network with the operator, under recipes/experiments.
        operator: Its name in the tables.
        without: What to change in the recipe's `[model]` to leave the operator out.
        paper: The difference that the paper reports, and where.
    """

    recipe: str
    operator: str
    without: Mapping[str, Any]
    paper: str


EXPERIMENTS = (
    Experiment(
        "crab",
        "CRAB (CRAN) in all blocks",
        {"backbone": {"modulation": {"attention": "none"}}},
        "+0.19 dB, DIV2K ×2, Table 1",
    ),
    Experiment(
        "crab-last",
        "CRAB (CRAN) in the last block",
        {"backbone": {"modulation": {"attention": "none"}}},
        "+0.12 dB, DIV2K ×2, Table 3",
    ),
    Experiment(
        "ikm",
        "IKM (U-HDN)",
        {"backbone": {"modulation": {"attention": "none"}}},
        "+0.09 dB, Set5 ×2, Table III",
    ),
    Experiment(
        "graph",
        "GRUM + GRRB (SRGRN)",
        {"head": {"kind": "subpixel"}},
        "+0.14 dB, Set5 ×4, Table 1",
    ),
    Experiment(
        "recursive-generalization",
        "RG-SA + HAI (RGT)",
        {"backbone": {"attention": "local", "integration": "none"}},
        "+0.25 dB, Urban100 ×2, Table 1a",
    ),
    Experiment(
        "non-local",
        "non-local features (CiaoSR)",
        {"head": {"non_local": []}},
        "+0.15 dB, Urban100 ×4, Table 4",
    ),
)


def main() -> None:
    """Train the missing runs and rewrite the tables of the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of photographs")
    parser.add_argument("--benchmarks", type=Path, help="has Set5/HR, Set14/HR, …")
    parser.add_argument("--out", type=Path, default=Path("runs/experiments"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=[e.recipe for e in EXPERIMENTS], action="append")
    parser.add_argument("--page-only", action="store_true", help="only write the page")
    given = parser.parse_args()
    if not given.page_only and None in (given.data, given.benchmarks):
        parser.error("to train, give --data and --benchmarks; or --page-only")
    chosen = [e for e in EXPERIMENTS if not given.only or e.recipe in given.only]
    for seed in range(given.seeds):  # one pair of every experiment before a second of any
        for experiment in chosen if not given.page_only else ():
            for has_it in (True, False):
                _finish(experiment, has_it, seed, given)
    page = PAGE.read_text("utf-8")
    head, _, rest = page.partition("<!-- tables -->")
    _, _, tail = rest.partition("<!-- /tables -->")
    tables = "\n\n".join(_tables(given.out, given.seeds))
    PAGE.write_text(f"{head}<!-- tables -->\n\n{tables}\n\n<!-- /tables -->{tail}", "utf-8")


def _finish(experiment: Experiment, has_it: bool, seed: int, given: argparse.Namespace) -> None:
    """Train one side of an experiment, and write its scores beside its weights."""
    out = _folder(given.out, experiment, has_it, seed)
    scores = out / "scores.json"
    recipe = _recipe(experiment, has_it, seed, given)
    if scores.exists():
        if changed := list(_changed(out / f"{recipe.name}.safetensors", recipe)):
            raise SystemExit(f"{out} is not of this recipe ({', '.join(changed)}); move it away")
        return
    file = run_recipe(recipe, out, resume=True, device="cpu", console=Console(quiet=True))
    parameters = sum(p.numel() for p in bigpicture.load(str(file)).network.parameters())
    restore = restorer(
        str(file), recipe.validation_scale, "cpu", tile="auto", ensemble=False, precision="fp32"
    )
    means = {}
    for folder in sorted(path.parent for path in given.benchmarks.glob("*/HR")):
        pairs = open_benchmark(folder, scale=recipe.validation_scale)
        report = measure(
            restore, pairs, scale=recipe.validation_scale, protocol=PROTOCOL, model=recipe.name
        )
        means[folder.name] = report.mean["psnr"]
    facts = {
        "parameters": parameters,
        "steps": recipe.optimiser.steps,
        "batch": f"{recipe.data.images} × {recipe.data.patch}²",
        "scale": recipe.validation_scale,
        "psnr": means,
    }
    scores.write_text(json.dumps(facts, indent=2), "utf-8")
    print(out, means, flush=True)


def _changed(file: Path, recipe: Recipe) -> Iterator[str]:
    """Yield the keys in which a recipe differs from the one that a run's weights state."""
    then = read_facts(file)["recipe"]
    for part, now in without_places(recipe).items():
        if part not in ("name", "watch"):
            # runs from before a key was there have had its default
            usual = json.loads(type(getattr(recipe, part)).model_construct().model_dump_json())
            before = usual | then[part]
            yield from (f"{part}.{key}" for key, value in now.items() if before.get(key) != value)
    # settings that the recipe leaves out come from the size, which may also have changed
    model = recipe.model
    changes = {"backbone": model.backbone, "head": model.head}
    settings = build(model.size, model.scale, model.attention, changes).settings
    try:
        same = load_file(file).network.settings == settings
    except WeightsError:
        same = False
    if not same:
        yield f"{model.size} is another network than it was"


def _recipe(experiment: Experiment, has_it: bool, seed: int, given: argparse.Namespace) -> Recipe:
    changes = {
        "data.train": json.dumps([str(given.data)]),
        "data.seed": seed,
        "watch.benchmark": json.dumps(str(given.benchmarks / "Set5")),
    }
    recipe = load(
        ROOT / "recipes" / "experiments" / f"{experiment.recipe}.toml",
        Recipe,
        [f"{key}={value}" for key, value in changes.items()],
    )
    if has_it:
        return recipe
    model = {
        part: _merged(getattr(recipe.model, part), experiment.without.get(part, {}))
        for part in ("backbone", "head")
    }
    return recipe.model_copy(update={"model": recipe.model.model_copy(update=model)})


def _merged(stated: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's settings of a part with changes; a new kind drops the old settings."""
    if "kind" in changes:
        return dict(changes)
    return {**stated, **changes}


def _folder(out: Path, experiment: Experiment, has_it: bool, seed: int) -> Path:
    return out / experiment.recipe / f"{'with' if has_it else 'without'}-{seed}"


def _tables(out: Path, seeds: int) -> Iterator[str]:
    """Yield the table of all experiments, then that of all runs."""
    rows = [
        "| operator | scale | parameters | pairs | set | without | difference | in the paper |",
        "|:--|:--|:--|--:|:--|--:|--:|:--|",
    ]
    runs = ["| run | parameters | steps | batch | scores (dB) |", "|:--|--:|--:|:--|:--|"]
    for experiment in EXPERIMENTS:
        pairs = []
        for seed in range(seeds):
            sides = [_read(out, experiment, has_it, seed) for has_it in (True, False)]
            for has_it, own in zip((True, False), sides, strict=True):
                if own is not None:
                    name = f"{experiment.recipe}, {'with' if has_it else 'without'}, seed {seed}"
                    psnr = ", ".join(f"{name} {value:.3f}" for name, value in own["psnr"].items())
                    runs.append(
                        f"| {name} | {own['parameters']:,} | {own['steps']} | {own['batch']} "
                        f"| {psnr} |"
                    )
            if None not in sides:
                pairs.append(sides)
        rows += _rows(experiment, pairs)
    yield "\n".join(rows)
    yield "\n".join(runs)


def _read(out: Path, experiment: Experiment, has_it: bool, seed: int) -> dict[str, Any] | None:
    file = _folder(out, experiment, has_it, seed) / "scores.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def _rows(experiment: Experiment, pairs: list[list[dict[str, Any]]]) -> Iterator[str]:
    """Yield a row for each set: mean and standard deviation of the pairs' differences."""
    if not pairs:
        yield f"| {experiment.operator} | | | 0 | | | not run yet | {experiment.paper} |"
        return
    one, other = pairs[0]
    said = f"{experiment.operator} | ×{one['scale']} | {other['parameters']:,} → "
    said += f"{one['parameters']:,} | {len(pairs)}"
    for name in one["psnr"]:
        differences = [w["psnr"][name] - o["psnr"][name] for w, o in pairs]
        plain = statistics.mean(o["psnr"][name] for _, o in pairs)
        spread = f" ± {statistics.stdev(differences):.3f}" if len(pairs) > 1 else ""
        mean = statistics.mean(differences)
        yield f"| {said} | {name} | {plain:.2f} | {mean:+.3f}{spread} | {experiment.paper} |"


if __name__ == "__main__":
    main()
