"""The weights of a run, in a file that states where they come from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bigpicture.evaluate.run import Report, finite_or_none
from bigpicture.models.network import Network
from bigpicture.train.checkpoint import Progress, Run
from bigpicture.train.recipe import Recipe
from bigpicture.weights.file import save_network

__all__ = ["write_weights"]


def write_weights(
    file: Path, recipe: Recipe, run: Run, report: Report | None, progress: Progress
) -> None:
    """Write the average of a run's weights, and the facts about it.

    Args:
        file: The file; it is replaced in one step, or not at all.
        recipe: Recipe of the run.
        run: The parts that have learned.
        report: Scores of the average, if they were measured.
        progress: Steps done, and the recipes that they followed.
    """
    average = run.average.module
    assert isinstance(average, Network)
    save_network(average, file, _facts(recipe, average, report, progress))


def _facts(
    recipe: Recipe, network: Network, report: Report | None, progress: Progress
) -> Mapping[str, Any]:
    scored = {} if report is None else {"scale": report.scale, "degradation": report.degradation}
    return {
        "name": recipe.name,
        "parameters": sum(p.numel() for p in network.parameters()),
        "training_data": recipe.data.description,
        "licence": recipe.data.licence,
        "steps": progress.step,
        "recipe": progress.recipe,
        "recipe_changes": progress.changes,
        "protocol": recipe.watch.protocol,
        "scored_at": scored,
        "scores": {} if report is None else {report.benchmark: finite_or_none(report.mean)},
    }
