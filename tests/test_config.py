import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigpicture.config import ConfigError, load, parse
from bigpicture.metrics.protocol import PROTOCOLS
from bigpicture.train.recipe import Recipe
from bigpicture.train.schema import recipe_schema

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "recipes").rglob("*.toml"))
UHDN = ROOT / "recipes" / "uhdn-x2.toml"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_loads(path):
    recipe = load(path, Recipe)
    assert recipe.name == path.stem
    assert parse(recipe.model_dump(), Recipe, "again") == recipe
    key, _, schema = path.read_text("utf-8").splitlines()[0].partition(" ")
    if key == "#:schema":  # what editors look for
        assert (path.parent / schema).samefile(ROOT / "recipes" / "schema.json")


def test_the_schema_for_editors_is_up_to_date():
    """To make it so: bigpicture train --schema > recipes/schema.json."""
    assert (ROOT / "recipes" / "schema.json").read_text("utf-8") == recipe_schema()


def test_there_are_recipes_for_all_shipped_scales():
    assert {"uhdn-x2", "uhdn-x3", "uhdn-x4"} <= {path.stem for path in RECIPES}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.scal=3", "unknown key 'model.scal'; did you mean 'scale'?"),
        ("modell.scale=3", "unknown key 'modell'; did you mean 'model'?"),
        ("optimiser.rate=-1", r"optimiser.rate = -1: input should be greater than 0"),
        ("data.images=many", "data.images = 'many': input should be a valid integer"),
        (
            "optimiser.schedule=cosin",
            "optimiser.schedule = 'cosin': input should be 'constant', 'cosine'",
        ),
        ("optimiser.rate=inf", "optimiser.rate = inf: input should be a finite number"),
        ("data.train=[1]", "data.train.0 = 1: should be text; quote it"),
        (
            "name=2026-11-22",
            """name = 2026-11-22: should be text; quote it: name = "2026-11-22", or """
            """--set 'name="2026-11-22"'""",
        ),
        (
            "watch.benchmark=true",
            """watch.benchmark = true: should be text; quote it: benchmark = "true", or """
            """--set 'watch.benchmark="true"'""",
        ),
        ("name=[1, { a = 2 }]", "name = [1, { a = 2 }]: should be text"),
        ("data.images=true", "data.images = true: should be a number"),
        ("data.images='16'", "data.images = '16': should be a number, without quotes"),
        ("data.sharpen=1", "data.sharpen = 1: should be true or false"),
        ("data.sharpen=yes", "data.sharpen = 'yes': should be true or false"),
        ("optimiser.betas=[0.9, '1e-3']", "optimiser.betas = [0.9, '1e-3']: should be a number"),
        (
            "losses.perceptual.layers={conv5_4 = '1'}",
            "losses.perceptual.layers: should be a number, without quotes",
        ),
        ("optimiser.halve_at=[3]", "optimiser: schedule is 'cosine' and halve_at is"),
        ("name=a/b", "name = 'a/b': give a name without folders"),
        ("name.first=x", "'name' is a value, it holds no keys"),
        ("rate", "--set takes KEY=VALUE, not 'rate'"),
        ("watch.benchmrk=", "unknown key 'watch.benchmrk'; did you mean 'benchmark'?"),
        ("wach.benchmark=", "unknown key 'wach'; did you mean 'watch'?"),
        ("name.first=", "'name' is a value, it holds no keys"),
        ("model=", "model is missing"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_would_do(override, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load(RECIPES[0], Recipe, [override])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.points=9", "data.points = 9 does nothing without data.scales"),
        ("data.webp=0.5", "data.webp = 0.5 does nothing without data.degradation = 'bsrgan' or"),
        ("data.margin=3", "data.margin = 3 does nothing without data.degradation"),
        ("data.sharpen=true", "data.sharpen = True does nothing without data.degradation"),
        (
            "optimiser.halve_every=5",
            "optimiser.halve_every = 5 does nothing without schedule = 'step'",
        ),
        ("watch.scale=3", "watch.scale = 3 does nothing without data.scales"),
        ("data.scales=[1, 4]", "give model.scale, or, for a network that renders any scale"),
    ],
)
def test_keys_that_do_not_go_together_are_told_without_the_whole_recipe(override, message):
    with pytest.raises(ConfigError) as raised:
        load(UHDN, Recipe, [override])
    assert str(raised.value).startswith(f"{UHDN}: {message}")


def test_all_protocols_can_be_asked_for():
    for name in PROTOCOLS:
        assert load(UHDN, Recipe, [f"watch.protocol={name}"]).watch.protocol == name


def test_overrides_reach_every_level():
    recipe = load(RECIPES[0], Recipe, ["name=mine", "data.train=['a', 'b']", "optimiser.rate=1e-5"])
    assert (recipe.name, recipe.data.train) == ("mine", [Path("a"), Path("b")])
    assert recipe.optimiser.rate == 1e-5


def test_numbers_and_lists_of_toml_are_what_the_settings_hold():
    given = ["optimiser.betas=[0, 0.9]", "optimiser.steps=1e4", "optimiser.clip=1"]
    optimiser = load(RECIPES[0], Recipe, given).optimiser
    assert (optimiser.betas, optimiser.steps, optimiser.clip) == ((0.0, 0.9), 10_000, 1.0)


@pytest.mark.parametrize("nothing", ["watch.benchmark=", " watch.benchmark = "])
def test_a_key_that_is_taken_out_has_its_default(nothing):
    assert load(UHDN, Recipe).watch.benchmark is not None
    assert load(UHDN, Recipe, [nothing]).watch.benchmark is None
    assert load(UHDN, Recipe, [nothing, "watch.benchmark=mine"]).watch.benchmark == Path("mine")
    assert load(UHDN, Recipe, ['data.description=""']).data.description == ""


def test_what_is_not_there_is_taken_out_without_a_trace():
    """A table that was made on the way would turn on the loss of its name."""
    recipe = load(UHDN, Recipe)
    for absent in ("losses.perceptual.weight=", "watch.scale=", "model.backbone.channels="):
        assert load(UHDN, Recipe, [absent]) == recipe


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match="here: model is missing; data is missing"):
        parse({"name": "x"}, Recipe, "here")


def test_a_file_of_windows_may_begin_with_a_byte_order_mark(tmp_path):
    marked = tmp_path / "marked.toml"
    marked.write_bytes(b"\xef\xbb\xbf" + UHDN.read_bytes())
    assert load(marked, Recipe) == load(UHDN, Recipe)


def test_files_that_are_no_recipe(tmp_path):
    with pytest.raises(ConfigError, match="nowhere.toml: cannot be read"):
        load(tmp_path / "nowhere.toml", Recipe)
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(ConfigError, match="broken.toml: not a TOML file"):
        load(broken, Recipe)
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not a TOML file"):
        load(broken, Recipe)


@given(st.text())
def test_any_override_is_taken_or_explained(override):
    try:
        load(RECIPES[0], Recipe, [override])
    except ConfigError as error:
        assert str(error)
