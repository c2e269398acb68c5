"""The weights that a run gives, in a file that says where they come from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bigpicture.evaluate.run import Report
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
        "recipe": recipe.model_dump(mode="json", exclude={"data": {"train", "low", "cache"}}),
        "protocol": recipe.watch.protocol,
        "scores": {} if report is None else {report.benchmark: report.mean},
    }
