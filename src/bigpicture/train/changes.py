"""The changes in a run that is resumed with another recipe.

    recipe of the checkpoint, recipe of the command ──▶ {"optimiser.steps": [20000, 6000], …}

Changes may be intended, such as another number of workers or a longer schedule; but weights whose
facts stated only the last recipe would claim a wrong origin.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from bigpicture.data.layouts import set_name
from bigpicture.train.checkpoint import Progress
from bigpicture.train.read import NOT_STATED
from bigpicture.train.recipe import Recipe, scored_degradation

__all__ = ["go_on_with", "without_places"]


def without_places(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe to publish: without the folders of its data, other files by name alone.

    A benchmark is named after its set, and its low-resolution folder from the set's name on.
    """
    told = recipe.model_dump(mode="json", exclude={"data": {"train", "low", "cache"}})
    model, watch = told["model"], told["watch"]
    if model["start"] is not None:
        model["start"] = PurePath(model["start"]).name
    if recipe.watch.benchmark is not None:
        watch["benchmark"] = set_name(recipe.watch.benchmark)
    if recipe.watch.low is not None:
        watch["low"] = _from_its_set(recipe.watch.low)
    return told


def go_on_with(recipe: Recipe, progress: Progress) -> list[str]:
    """Switch a run to a recipe, and record in its progress what that changes.

    Args:
        recipe: The recipe to resume with.
        progress: Progress of the run, as restored from a checkpoint.

    Returns:
        Lines to report: one for each changed key, and what follows from the changes.

    Raises:
        ValueError: If more steps are done than the recipe has.
    """
    before, progress.recipe = progress.recipe, without_places(recipe)
    step, steps = progress.step, recipe.optimiser.steps
    if step > steps:
        enough = f"{before['optimiser']['steps']}, as before" if before else f"{step} or more"
        raise ValueError(
            f"optimiser.steps is {steps}, but the checkpoint has {step} steps behind it; give "
            f"{enough}, with --set optimiser.steps=…, or begin in another --out folder"
        )
    if not before:
        progress.changes.append({"step": step, "keys": NOT_STATED})
        return [f"the checkpoint does not state its recipe; this one applies from step {step} on"]
    keys = dict(_differences(before, progress.recipe))
    said = [
        f"from step {step} on: {key} = {_shown(now)}, which was {_shown(then)}"
        for key, (then, now) in keys.items()
    ]
    if keys:
        progress.changes.append({"step": step, "keys": keys})
    if progress.best and _measured(before) != _measured(progress.recipe):
        said.append(f"the best psnr so far, {progress.best:.4f}, is of another kind: counted anew")
        progress.best = 0.0
    return said


def _measured(recipe: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what decides what a score measures: the best is only the best of its kind."""
    model, data, watch = recipe["model"], recipe["data"], recipe["watch"]
    made = scored_degradation(watch["degradation"], watch["low"], data["degradation"])
    scale = model["scale"] or watch["scale"]
    return watch["benchmark"], watch["low"], watch["protocol"], scale, made


def _from_its_set(folder: Path) -> str:
    """Return a path from the name of its set on, which distinguishes the folders of a set."""
    own = folder.absolute()
    name = set_name(own)
    above = next((path.parent for path in (own, *own.parents) if path.name == name), own)
    return own.relative_to(above).as_posix()


def _differences(
    before: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the dotted keys whose values differ, with both values; a missing one is None."""
    one, other = (dict(_flat(recipe, "")) for recipe in (before, now))
    for key in dict.fromkeys([*other, *one]):
        values = [one.get(key), other.get(key)]
        if values[0] != values[1]:
            yield key, values


def _flat(table: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield above + key, value


def _shown(value: object) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
