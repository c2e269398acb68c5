import json

import numpy as np
import pytest
import torch
from rich.console import Console

from bigpicture.config import parse
from bigpicture.image import Picture, write
from bigpicture.train.average import running_average
from bigpicture.train.recipe import OptimiserPart, Recipe
from bigpicture.train.run import run_recipe
from bigpicture.train.schedule import rate_at
from bigpicture.weights.errors import WeightsError
from bigpicture.weights.file import load_file


@pytest.fixture
def photographs(tmp_path):
    rng = np.random.default_rng(0)
    for part, count in [("train", 3), ("benchmark/HR", 2)]:
        folder = tmp_path / part
        folder.mkdir(parents=True)
        for i in range(count):
            smooth = np.kron(rng.integers(0, 256, (6, 7, 3)), np.ones((8, 8, 1))).astype(np.uint8)
            write(Picture(smooth), folder / f"{i}.png")
    return tmp_path


@pytest.fixture
def recipe(photographs) -> Recipe:
    content = {
        "name": "tiny",
        "model": {"size": "comonet-s", "scale": 2},
        "data": {
            "train": [photographs / "train"],
            "description": "squares",
            "licence": "CC0",
            "cache": photographs / "cache",
            "images": 2,
            "patch": 8,
        },
        "optimiser": {"rate": 1e-3, "steps": 4, "warmup": 1},
        "precision": {"bf16": False},
        "watch": {
            "benchmark": photographs / "benchmark",
            "validate_every": 2,
            "save_every": 1,
            "log_every": 1,
        },
    }
    return parse(content, Recipe, "test")


def changed(recipe: Recipe, **parts) -> Recipe:
    content = recipe.model_dump()
    for part, values in parts.items():
        content[part] = content[part] | values
    return parse(content, Recipe, "test")


@pytest.fixture
def quiet() -> Console:
    return Console(quiet=True)


def tensors(file):
    return load_file(file).network.state_dict()


def test_a_run_leaves_weights_with_their_facts(recipe, tmp_path, quiet):
    file = run_recipe(recipe, tmp_path / "out", device="cpu", console=quiet)
    network, facts = load_file(file)
    assert network.limits.scale == 2
    assert (facts["licence"], facts["training_data"], facts["steps"]) == ("CC0", "squares", 4)
    assert facts["scores"]["benchmark"]["psnr"] > 0
    lines = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "l1" in line] == [1, 2, 3, 4]
    assert [line["step"] for line in lines if "psnr" in line] == [2, 4]
    assert lines[-1]["psnr"] == facts["scores"]["benchmark"]["psnr"]
    assert list((tmp_path / "out/tensorboard").iterdir())


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(recipe, tmp_path, quiet, monkeypatch):
    whole = run_recipe(recipe, tmp_path / "whole", device="cpu", console=quiet)
    draw = "bigpicture.data.patches.Patches.draw"
    original = __import__("bigpicture.data.patches", fromlist=["Patches"]).Patches.draw

    def stop_at_two(self, step, *share):
        if step == 2:
            raise KeyboardInterrupt
        return original(self, step, *share)

    monkeypatch.setattr(draw, stop_at_two)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(recipe, tmp_path / "cut", device="cpu", console=quiet)
    monkeypatch.setattr(draw, original)
    cut = run_recipe(recipe, tmp_path / "cut", device="cpu", resume=True, console=quiet)
    one, other = tensors(whole), tensors(cut)
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_training_learns(recipe, tmp_path, quiet):
    longer = changed(recipe, optimiser={"steps": 30}, watch={"validate_every": 30})
    run_recipe(longer, tmp_path / "out", device="cpu", console=quiet)
    lines = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]
    losses = [line["l1"] for line in lines if "l1" in line]
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


def test_another_scale_starts_from_what_fits(recipe, tmp_path):
    console = Console(record=True, width=200)
    file = run_recipe(recipe, tmp_path / "x2", device="cpu", console=console)
    thrice = changed(
        recipe, model={"scale": 3, "start": str(file)}, optimiser={"steps": 1, "rate": 1e-9}
    )
    three = run_recipe(thrice, tmp_path / "x3", device="cpu", console=console)
    one, other = tensors(file), tensors(three)
    torch.testing.assert_close(one["backbone.first.weight"], other["backbone.first.weight"])
    assert "untrained: head.up.0.weight, head.up.1.weight" in console.export_text()


def test_a_dry_run_checks_and_writes_nothing(recipe, tmp_path):
    console = Console(record=True, width=200)
    assert run_recipe(recipe, tmp_path / "out", dry_run=True, console=console) is None
    assert not (tmp_path / "out").exists()
    said = console.export_text()
    assert "722,115 parameters" in said
    assert "3 photographs" in said


def test_an_earlier_run_is_not_overwritten(recipe, tmp_path, quiet):
    run_recipe(recipe, tmp_path / "out", device="cpu", console=quiet)
    with pytest.raises(ValueError, match="exists; use --resume to go on"):
        run_recipe(recipe, tmp_path / "out", device="cpu", console=quiet)
    (tmp_path / "out/checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not a checkpoint of this recipe"):
        run_recipe(recipe, tmp_path / "out", device="cpu", resume=True, console=quiet)


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ({"model": {"size": "uhd"}}, ValueError, "did you mean 'uhdn'"),
        ({"model": {"start": "uhdn-x9.pth"}}, WeightsError, "uhdn-x9.pth: no shipped model"),
        ({"data": {"train": ["/nowhere"]}}, ValueError, "/nowhere is no folder"),
        ({"watch": {"benchmark": "/nowhere"}}, ValueError, "/nowhere"),
        ({"watch": {"protocol": "sr-x"}}, ValueError, "'sr-x'; there are sr-y, sr-rgb"),
    ],
)
def test_what_a_recipe_asks_for_in_vain_is_named_first(
    recipe, parts, error, message, tmp_path, quiet
):
    with pytest.raises(error, match=message):
        run_recipe(changed(recipe, **parts), tmp_path / "out", dry_run=True, console=quiet)


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_checkpoint(recipe, tmp_path, quiet):
    hot = changed(recipe, optimiser={"rate": 1e12, "steps": 50}, watch={"validate_every": 50})
    with pytest.raises(FloatingPointError, match="optimiser.rate below 1e"):
        run_recipe(hot, tmp_path / "out", device="cpu", console=quiet)
    assert (tmp_path / "out/checkpoint.pt").exists()


def test_bf16_and_steps_of_another_schedule(recipe, tmp_path, quiet):
    other = changed(
        recipe,
        optimiser={"schedule": "step", "halve_every": 2},
        precision={"bf16": True, "channels_last": False},
        watch={"benchmark": None},
    )
    file = run_recipe(other, tmp_path / "out", device="cpu", console=quiet)
    assert load_file(file).facts["scores"] == {}


def test_rates_over_the_steps():
    cosine = OptimiserPart(rate=1.0, steps=110, warmup=10)
    rates = [rate_at(step, cosine) for step in range(110)]
    assert rates[:10] == pytest.approx([i / 10 for i in range(1, 11)])
    assert rates[60] == pytest.approx(0.5)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 1e-3
    halved = OptimiserPart(rate=1.0, steps=100, schedule="step", halve_every=30)
    assert [rate_at(step, halved) for step in (0, 29, 30, 99)] == [1, 1, 0.5, 0.125]


def test_the_average_forgets_the_start():
    network = torch.nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(100.0)
    average = running_average(network, 0.999)
    network.weight.data.fill_(1.0)
    for _ in range(200):
        average.update_parameters(network)
    assert average.module.weight.item() == pytest.approx(1.0, abs=1e-3)
    network.weight.data.fill_(2.0)
    average.update_parameters(network)
    assert 1.0 < average.module.weight.item() < 1.05
