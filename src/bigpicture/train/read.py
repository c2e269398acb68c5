"""A recipe's file becomes a recipe, which states nothing of pictures that are no longer its.

    RECIPE.toml, --set data.train=… ──▶ Recipe, whose data.description is "not stated"

What a recipe says of its pictures, their licence first, goes into the weights. Whoever trains on
others by `--set` has not been asked for theirs, and the recipe's would be untrue.
"""

from collections.abc import Sequence
from pathlib import Path

from bigpicture.config import load
from bigpicture.train.recipe import Recipe

__all__ = ["NOT_STATED", "read_recipe", "unstated"]

NOT_STATED = "not stated"
_OF_PICTURES = ("data.description", "data.licence")


def read_recipe(file: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        file: Its TOML.
        overrides: `KEY=VALUE` as in `bigpicture.config.load`. One that replaces `data.train` makes
            the description and licence of the pictures "not stated", unless these are given too.

    Raises:
        ConfigError: If the file holds no recipe.
    """
    given = {override.partition("=")[0].strip() for override in overrides}
    replaced = _OF_PICTURES if "data.train" in given else ()
    unsaid = [f"{key}={NOT_STATED}" for key in replaced if key not in given]
    return load(file, Recipe, [*overrides, *unsaid])


def unstated(recipe: Recipe) -> list[str]:
    """Return the keys of what a recipe does not state of its pictures."""
    stated = dict(zip(_OF_PICTURES, (recipe.data.description, recipe.data.licence), strict=True))
    return [key for key, text in stated.items() if text == NOT_STATED]
