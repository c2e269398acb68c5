"""JSON schema of recipes, for editors: their keys, the keys' types and descriptions.

The repository's recipes name `recipes/schema.json` in their first line; editors that know TOML
(Taplo, Even Better TOML) then complete keys and mark mistakes.
"""

import json

from bigpicture.train.recipe import Recipe

__all__ = ["recipe_schema"]


def recipe_schema() -> str:
    """Return the schema as the text of a file."""
    return json.dumps(Recipe.model_json_schema(), indent=2, ensure_ascii=False) + "\n"
