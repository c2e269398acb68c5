"""A network is scored on what it is trained for, and the score says on what that was."""

import pytest
from rich.console import Console

from bigpicture.config import load
from bigpicture.data.benchmarks import open_benchmark
from bigpicture.degrade.standard import STANDARD
from bigpicture.image import Picture, read, write
from bigpicture.train.recipe import Recipe
from bigpicture.train.run import run_recipe
from bigpicture.train.validation import validate
from bigpicture.weights.file import load_file
from bigpicture.weights.index import load as load_weights


@pytest.fixture
def still(recipe, changed):
    """A run of one step that changes next to nothing."""
    return changed(
        recipe, optimiser={"steps": 1, "rate": 1e-9}, data={"workers": 0}, watch={"pictures": 0}
    )


@pytest.mark.parametrize(
    ("data", "watch", "made"),
    [
        ({}, {}, "bi"),
        ({"degradation": "dn"}, {}, "dn"),
        ({"degradation": "dn"}, {"degradation": "bi"}, "bi"),
        ({}, {"degradation": "dn"}, "dn"),
        ({"degradation": "bsrgan", "patch": 4}, {}, "bi"),
    ],
)
def test_the_inputs_are_those_that_the_recipe_asks_for_and_are_stated(
    still, changed, data, watch, made, tmp_path, logged
):
    console = Console(record=True, width=200)
    recipe = changed(still, data=data, watch=watch)
    network, facts = load_file(run_recipe(recipe, tmp_path / "out", device="cpu", console=console))
    asked = open_benchmark(recipe.watch.benchmark, scale=2, degrade=made)
    expected = validate(network, network.limits, asked, recipe).mean
    assert facts["scores"]["benchmark"]["psnr"] == pytest.approx(expected["psnr"], abs=1e-3)
    assert facts["scored_at"] == {"scale": 2, "degradation": made}
    (line,) = logged(tmp_path / "out", "psnr")
    stated = [line[key] for key in ("benchmark", "scale", "degradation", "protocol")]
    assert stated == ["benchmark", 2, made, "sr-y"]
    said = console.export_text()
    assert f"scored on benchmark, ×2, {made.upper()}: 2 pictures" in said
    assert f"step 1  benchmark, ×2, {made.upper()}, protocol sr-y  psnr " in said


def test_noise_is_seen_in_the_score(still):
    """So that the test above would notice if one set were taken for the other."""
    network, _ = load_weights("uhdn-x2")
    scores = {
        made: validate(
            network,
            network.limits,
            open_benchmark(still.watch.benchmark, scale=2, degrade=made),
            still,
        ).mean["psnr"]
        for made in ("bi", "dn")
    }
    assert scores["dn"] < scores["bi"] - 3


def test_low_resolution_pictures_may_lie_elsewhere(still, changed, tmp_path, quiet):
    low = tmp_path / "low"
    low.mkdir()
    for file in (still.watch.benchmark / "HR").iterdir():
        noisy = STANDARD["dn"](read(file).colour, 2)
        write(Picture(noisy), low / file.name)
    given = changed(still, watch={"low": low})
    facts = load_file(run_recipe(given, tmp_path / "out", device="cpu", console=quiet)).facts
    made = changed(still, watch={"degradation": "dn"})
    other = load_file(run_recipe(made, tmp_path / "made", device="cpu", console=quiet)).facts
    assert facts["scores"] == other["scores"]
    assert facts["scored_at"] == {"scale": 2, "degradation": None}  # which nobody has said
    assert facts["recipe"]["watch"]["low"] == "low"


def test_bd_is_what_networks_for_it_are_scored_on(recipe, toml, changed):
    file = toml(changed(recipe, model={"scale": 3}))
    for overrides in (["data.degradation=bd"], ["watch.degradation=bd"]):
        assert load(file, Recipe, overrides).validation_degradation == "bd"
    overrides = ["data.degradation=bd", "watch.low=low"]
    assert load(file, Recipe, overrides).validation_degradation is None


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["watch.degradation=bd"], "watch.degradation is 'bd', .* odd scales; model.scale is 2"),
        (["data.degradation=bd"], "data.degradation is 'bd', .* odd scales; model.scale is 2"),
        (["watch.degradation=bsrgan"], "watch.degradation = 'bsrgan': input should be 'bi', 'bd'"),
        (["watch.degradation=bi", "watch.low=low"], "low is 'low' and degradation is 'bi'; .* one"),
        (["watch.benchmark=", "watch.degradation=bi"], "does nothing without watch.benchmark"),
        (["watch.benchmark=", "watch.low=low"], "does nothing without watch.benchmark"),
    ],
)
def test_what_does_not_go_together_is_named(recipe, toml, overrides, message):
    with pytest.raises(ValueError, match=message):
        load(toml(recipe), Recipe, overrides)
