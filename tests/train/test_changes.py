"""A run that goes on by another recipe says so, there and in its weights."""

import json

import pytest
import torch
from rich.console import Console

from bigpicture.train.changes import go_on_with, without_places
from bigpicture.train.checkpoint import Checkpoints, Progress
from bigpicture.train.run import run_recipe
from bigpicture.weights.file import load_file


@pytest.fixture
def plain(recipe, changed):
    return changed(recipe, watch={"benchmark": None}, optimiser={"steps": 1})


@pytest.fixture
def begun(plain, tmp_path, quiet):
    """Return the folder of a run that has made a step."""
    run_recipe(plain, tmp_path / "out", device="cpu", console=quiet)
    return tmp_path / "out"


def test_the_same_recipe_is_no_change(recipe, changed):
    progress = Progress(step=3, best=30.0, recipe=without_places(recipe))
    moved = changed(recipe, data={"train": ["elsewhere"], "cache": "elsewhere"})
    assert go_on_with(moved, progress) == []
    assert (progress.changes, progress.best) == ([], 30.0)


@pytest.mark.parametrize(
    ("parts", "keys"),
    [
        ({"optimiser": {"rate": 5e-4}}, {"optimiser.rate": [1e-3, 5e-4]}),
        (
            {"data": {"seed": 1, "workers": 2}},
            {"data.seed": [0, 1], "data.workers": [None, 2]},
        ),
        (
            {"losses": {"l1": 1.0, "charbonnier": {"weight": 2.0}}},
            {"losses.charbonnier.weight": [None, 2.0], "losses.charbonnier.epsilon": [None, 1e-3]},
        ),
        ({"model": {"backbone": {"blocks": 3}}}, {"model.backbone.blocks": [None, 3]}),
    ],
)
def test_each_key_is_named_with_both_values(recipe, changed, parts, keys):
    progress = Progress(step=3, recipe=without_places(recipe))
    now = changed(recipe, **parts)
    said = go_on_with(now, progress)
    assert progress.changes == [{"step": 3, "keys": keys}]
    assert progress.recipe == without_places(now)
    for line, (key, (then, value)) in zip(sorted(said), sorted(keys.items()), strict=True):
        was = "none" if then is None else json.dumps(then)
        assert line == f"from step 3 on: {key} = {json.dumps(value)}, which was {was}"


@pytest.mark.parametrize(
    "parts", [{"watch": {"protocol": "sr-rgb"}}, {"data": {"degradation": "dn"}}]
)
def test_the_best_is_the_best_of_its_kind(recipe, changed, parts):
    progress = Progress(step=3, best=30.0, recipe=without_places(recipe))
    said = go_on_with(changed(recipe, **parts), progress)
    assert progress.best == 0.0
    assert said[-1] == "the best psnr so far, 30.0000, is of another kind: counted anew"


def test_a_score_of_another_set_is_another_score(recipe, changed):
    one, other = (
        changed(recipe, watch={"benchmark": f"sets/{name}/HR"}) for name in ("Set5", "Set14")
    )
    progress = Progress(step=3, best=30.0, recipe=without_places(one))
    assert go_on_with(other, progress)[0] == (
        'from step 3 on: watch.benchmark = "Set14", which was "Set5"'
    )
    assert progress.best == 0.0


def test_low_resolution_folders_of_a_set_are_told_apart(recipe, changed):
    one, other = (
        changed(recipe, watch={"low": f"sets/Set5/{name}/X2"}) for name in ("LRDN", "LRBD")
    )
    progress = Progress(step=3, best=30.0, recipe=without_places(one))
    (line, _) = go_on_with(other, progress)
    assert line == 'from step 3 on: watch.low = "Set5/LRBD/X2", which was "Set5/LRDN/X2"'
    assert progress.best == 0.0


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"data": {"degradation": "bsrgan", "patch": 4}}, {"data": {"degradation": "realesrgan"}}),
        ({"watch": {"degradation": "bi"}}, {"data": {"degradation": "dn"}}),
        ({"data": {"degradation": "dn"}}, {"watch": {"degradation": "dn"}}),
        ({}, {"watch": {"pictures": 1}}),
    ],
)
def test_the_best_stays_the_best_while_the_same_is_scored(recipe, changed, before, now):
    recipe = changed(recipe, **before)
    progress = Progress(step=3, best=30.0, recipe=without_places(recipe))
    assert go_on_with(changed(recipe, **now), progress)
    assert progress.best == 30.0


def test_a_run_says_what_has_changed_and_its_weights_keep_it(begun, plain, changed):
    for step, rate in ((2, 5e-4), (3, 2e-4)):
        console = Console(record=True, width=200)
        now = changed(plain, optimiser={"rate": rate, "steps": step})
        file = run_recipe(now, begun, resume=True, device="cpu", console=console)
        line = f"from step {step - 1} on: optimiser.steps = {step}, which was {step - 1}"
        assert line in console.export_text()
        assert line in (begun / "log.txt").read_text()
    facts = load_file(file).facts
    assert facts["recipe"]["optimiser"]["steps"] == facts["steps"] == 3
    assert facts["recipe_changes"] == [
        {"step": 1, "keys": {"optimiser.rate": [1e-3, 5e-4], "optimiser.steps": [1, 2]}},
        {"step": 2, "keys": {"optimiser.rate": [5e-4, 2e-4], "optimiser.steps": [2, 3]}},
    ]


def test_settings_of_adam_are_those_of_the_recipe(begun, plain, changed, quiet):
    """PyTorch would go on by those of the checkpoint, whatever is said of the change."""
    now = changed(plain, optimiser={"betas": (0.5, 0.9), "steps": 2})
    run_recipe(now, begun, resume=True, device="cpu", console=quiet)
    state = torch.load(begun / "checkpoint.pt", weights_only=True)["optimiser"]
    assert {tuple(group["betas"]) for group in state["param_groups"]} == {(0.5, 0.9)}
    assert {int(own["step"]) for own in state["state"].values()} == {2}  # its averages went on


@pytest.mark.parametrize("dry_run", [False, True])
def test_fewer_steps_than_are_done_are_refused_first(begun, recipe, plain, changed, quiet, dry_run):
    Checkpoints(begun).previous.unlink(missing_ok=True)
    content = torch.load(begun / "checkpoint.pt", weights_only=True)
    torch.save(content | {"step": 9000, "recipe": without_places(recipe)}, begun / "checkpoint.pt")
    gone = changed(plain, data={"train": ["/nowhere"]})  # which is not come to
    with pytest.raises(ValueError, match="steps is 1, but .* 9000 steps .*; give 4, as before"):
        run_recipe(gone, begun, resume=True, dry_run=dry_run, device="cpu", console=quiet)
    assert torch.load(begun / "checkpoint.pt", weights_only=True)["step"] == 9000


def test_a_dry_run_says_how_it_would_go_on(begun, plain, changed):
    console = Console(record=True, width=200)
    longer = changed(plain, optimiser={"steps": 2})
    run_recipe(longer, begun, resume=True, dry_run=True, device="cpu", console=console)
    said = console.export_text()
    assert "from step 1 on: optimiser.steps = 2, which was 1" in said
    assert "for the 1 steps left" in said
    assert torch.load(begun / "checkpoint.pt", weights_only=True)["changes"] == []


def test_a_checkpoint_from_before_recipes_were_kept_goes_on(begun, plain, changed, quiet):
    content = torch.load(begun / "checkpoint.pt", weights_only=True)
    del content["recipe"], content["changes"]
    torch.save(content, begun / "checkpoint.pt")
    now = changed(plain, optimiser={"steps": 2})
    file = run_recipe(now, begun, resume=True, device="cpu", console=quiet)
    said = "the checkpoint does not state its recipe; this one applies from step 1 on"
    assert said in (begun / "log.txt").read_text()
    assert load_file(file).facts["recipe_changes"] == [{"step": 1, "keys": "not stated"}]


def test_where_there_is_nothing_to_go_on_from_a_run_begins(plain, tmp_path):
    console = Console(record=True, width=200)
    assert run_recipe(plain, tmp_path / "new", resume=True, device="cpu", console=console)
    said = console.export_text()
    assert f"no checkpoint in {tmp_path / 'new'}: starting at step 0" in said
    assert "not reached in 1 steps: optimiser.warmup = 1" in said


def test_the_weights_that_it_began_with_may_be_gone(begun, plain, changed, tmp_path, quiet):
    start = begun / "small.safetensors"
    second = changed(plain, model={"start": str(start)})
    run_recipe(second, tmp_path / "second", device="cpu", console=quiet)
    start.unlink()
    longer = changed(second, optimiser={"steps": 2})
    console = Console(record=True, width=200)
    assert run_recipe(longer, tmp_path / "second", resume=True, device="cpu", console=console)
    assert "starts from" not in console.export_text()
    with pytest.raises(ValueError, match="small.safetensors"):
        run_recipe(longer, tmp_path / "new", resume=True, device="cpu", console=quiet)
