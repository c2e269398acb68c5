from pathlib import Path

import pytest
from rich.console import Console

from bigpicture.config import ConfigError, load
from bigpicture.train.read import read_recipe, unstated
from bigpicture.train.recipe import Recipe
from bigpicture.train.run import run_recipe
from bigpicture.weights.file import load_file

UHDN = Path(__file__).parents[2] / "recipes" / "uhdn-x2.toml"
OWN = "data.train=['mine']"


def test_a_recipe_is_what_its_file_says():
    assert read_recipe(UHDN) == load(UHDN, Recipe)
    assert unstated(read_recipe(UHDN, ["optimiser.rate=1e-4"])) == []


@pytest.mark.parametrize("place", [OWN, " data.train = ['mine']"])
def test_other_pictures_are_not_described_as_the_recipe_s(place):
    recipe = read_recipe(UHDN, [place])
    assert (recipe.data.description, recipe.data.licence) == ("not stated", "not stated")
    assert recipe.data.train == [Path("mine")]
    assert unstated(recipe) == ["data.description", "data.licence"]


@pytest.mark.parametrize("overrides", [[OWN, "data.licence=CC0"], ["data.licence=CC0", OWN]])
def test_what_is_stated_of_them_is_kept(overrides):
    recipe = read_recipe(UHDN, overrides)
    assert recipe.data.licence == "CC0"
    assert unstated(recipe) == ["data.description"]
    with pytest.raises(ConfigError, match="data.licence is missing"):
        read_recipe(UHDN, [OWN, "data.licence="])


def test_the_run_and_its_weights_say_so(recipe, changed, toml, tmp_path):
    quick = changed(recipe, optimiser={"steps": 1}, watch={"benchmark": None})
    own = read_recipe(toml(quick), [f"data.train={[str(p) for p in recipe.data.train]}"])
    console = Console(record=True, width=200)
    facts = load_file(run_recipe(own, tmp_path / "out", device="cpu", console=console)).facts
    assert (facts["training_data"], facts["licence"]) == ("not stated", "not stated")
    assert "data.description and data.licence: not stated" in console.export_text()


@pytest.mark.parametrize("name", ["''", "a/b", ".", ".."])
def test_a_name_must_do_for_a_file(name):
    with pytest.raises(ConfigError, match="give a name without folders"):
        read_recipe(UHDN, [f"name={name}"])
