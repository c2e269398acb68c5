"""The weights that a run gives, in a file that says where they come from."""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from bigpicture.evaluate.run import Report, finite_or_none
from bigpicture.models.network import Network
from bigpicture.train.checkpoint import Run
from bigpicture.train.recipe import Recipe
from bigpicture.weights.file import save_network

__all__ = ["write_weights"]


def write_weights(file: Path, recipe: Recipe, run: Run, report: Report | None, step: int) -> None:
    """Write the average of a run's weights and its facts.

    Args:
        file: Where to; it is replaced in one step, or not at all.
        recipe: Of the run.
        run: What has learned.
        report: What the average scores, if that was measured.
        step: How many steps it took.
    """
    average = run.average.module
    assert isinstance(average, Network)
    save_network(average, file, _facts(recipe, average, report, step))


def _facts(recipe: Recipe, network: Network, report: Report | None, step: int) -> Mapping[str, Any]:
    return {
        "name": recipe.name,
        "parameters": sum(p.numel() for p in network.parameters()),
        "training_data": recipe.data.description,
        "licence": recipe.data.licence,
        "steps": step,
        "recipe": _without_places(recipe),
        "protocol": recipe.watch.protocol,
        "scores": {} if report is None else {report.benchmark: finite_or_none(report.mean)},
    }


def _without_places(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as others may read it: its files by their names, not where they lay."""
    told = recipe.model_dump(mode="json", exclude={"data": {"train", "low", "cache"}})
    for part, file in (("model", "start"), ("watch", "benchmark")):
        if told[part][file] is not None:
            told[part][file] = PurePath(told[part][file]).name
    return told
