"""The weights that a run gives, in a file that says where they come from."""

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
    """Write the average of a run's weights and its facts.

    Args:
        file: Where to; it is replaced in one step, or not at all.
        recipe: Of the run.
        run: What has learned.
        report: What the average scores, if that was measured.
        progress: How many steps it took, by which recipes.
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
