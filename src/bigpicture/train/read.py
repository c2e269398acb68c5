"""Reading of a recipe's file, without stale facts about training pictures that were replaced.

    RECIPE.toml, --set data.train=… ──▶ Recipe, whose data.description is "not stated"

What a recipe says about its pictures, above all their licence, goes into the weights. If `--set`
replaces the pictures, those statements no longer hold.
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
        file: Its TOML file.
        overrides: `KEY=VALUE` as in `bigpicture.config.load`. One that replaces `data.train` makes
            the description and licence of the pictures "not stated", unless these are given too.

    Raises:
        ConfigError: If the file does not hold a valid recipe.
    """
    given = {override.partition("=")[0].strip() for override in overrides}
    replaced = _OF_PICTURES if "data.train" in given else ()
    unsaid = [f"{key}={NOT_STATED}" for key in replaced if key not in given]
    return load(file, Recipe, [*overrides, *unsaid])


def unstated(recipe: Recipe) -> list[str]:
    """Return the keys of the facts about its pictures that a recipe does not state."""
    stated = dict(zip(_OF_PICTURES, (recipe.data.description, recipe.data.licence), strict=True))
    return [key for key, text in stated.items() if text == NOT_STATED]
