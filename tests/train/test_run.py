import math
import re
import sys
import time

import numpy as np
import pytest
import torch
from rich.console import Console

from bigpicture.data.patches import Patches
from bigpicture.evaluate.run import ImageScore, Report
from bigpicture.image import Picture, write
from bigpicture.train.average import running_average
from bigpicture.train.checkpoint import Checkpoints
from bigpicture.train.journal import Journal
from bigpicture.train.run import run_recipe
from bigpicture.train.step import Learner
from bigpicture.weights.errors import WeightsError
from bigpicture.weights.file import load_file


def tensors(file):
    return load_file(file).network.state_dict()


def test_a_run_leaves_weights_with_their_facts(recipe, tmp_path, quiet, logged):
    out = tmp_path / "out"
    file = run_recipe(recipe, out, device="cpu", console=quiet)
    network, facts = load_file(file)
    assert network.limits.scale == 2
    assert (facts["licence"], facts["training_data"], facts["steps"]) == ("CC0", "squares", 4)
    assert facts["recipe"]["optimiser"]["rate"] == 1e-3
    assert [line["step"] for line in logged(out, "l1")] == [1, 2, 3, 4]
    scores = logged(out, "psnr")
    assert [line["step"] for line in scores] == [2, 4]
    assert scores[-1]["psnr"] == facts["scores"]["benchmark"]["psnr"] > 0
    line = logged(out, "l1")[-1]
    assert line["crops_per_second"] == pytest.approx(2 / line["seconds_per_step"])
    assert 0 <= line["data_share"] <= 1
    assert "step 4/4  l1 " in (out / "log.txt").read_text()


def test_the_best_weights_are_kept_as_well_as_the_last(recipe, tmp_path, quiet, changed, logged):
    hot = changed(recipe, optimiser={"rate": 0.05, "ema": 0.0, "steps": 8, "warmup": 0})
    out = tmp_path / "out"
    run_recipe(hot, out, device="cpu", console=quiet)
    scores = logged(out, "psnr")
    best = max(scores, key=lambda line: line["psnr"])
    facts = load_file(out / "small-best.safetensors").facts
    assert facts["steps"] == best["step"]
    assert facts["scores"]["benchmark"]["psnr"] == best["psnr"]
    assert load_file(out / "small.safetensors").facts["steps"] == 8


def test_weights_do_not_tell_where_files_lay(recipe, changed, tmp_path, quiet):
    first = run_recipe(recipe, tmp_path / "first", console=quiet)
    going_on = changed(recipe, model={"start": str(first)}, optimiser={"steps": 1})
    file = run_recipe(going_on, tmp_path / "second", console=quiet)
    told = load_file(file).facts["recipe"]
    assert (told["model"]["start"], told["watch"]["benchmark"]) == (first.name, "benchmark")
    assert str(tmp_path) not in str(load_file(file).facts)


def test_an_infinite_score_is_written_as_json_knows_it(tmp_path, quiet, logged):
    same = Report("m", 2, "sr-y", (ImageScore("0", {"psnr": math.inf, "ssim": 1.0}),))
    journal = Journal(tmp_path, 1, 1, quiet)
    journal.score(1, same, math.inf)
    assert "Infinity" not in (tmp_path / "log.jsonl").read_text()
    assert logged(tmp_path, "psnr")[0]["psnr"] is None


def test_tensorboard_shows_losses_rate_pace_scores_and_pictures(recipe, tmp_path, quiet, changed):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    run_recipe(changed(recipe, watch={"pictures": 1}), tmp_path / "out", console=quiet)
    events = event_accumulator.EventAccumulator(str(tmp_path / "out/tensorboard"))
    events.Reload()
    assert {"l1", "rate", "crops_per_second", "psnr", "ssim"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("l1")] == [1, 2, 3, 4]
    assert set(events.Tags()["images"]) == {"0/restored", "0/reference"}
    assert (events.Images("0/restored")[0].width, events.Images("0/restored")[0].height) == (56, 48)


def test_without_tensorboard_the_log_says_what_to_install(tmp_path, quiet, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    Journal(tmp_path, 1, 1, quiet).begin(0, 1)
    said = (tmp_path / "log.txt").read_text()
    assert f"no {tmp_path / 'tensorboard'}: TensorBoard is not installed" in said
    assert "pip install 'bigpicture[train]'" in said


def test_training_learns(recipe, tmp_path, quiet, changed, logged):
    longer = changed(recipe, optimiser={"steps": 30, "rate": 3e-3}, watch={"benchmark": None})
    file = run_recipe(longer, tmp_path / "out", device="cpu", console=quiet)
    losses = [line["l1"] for line in logged(tmp_path / "out", "l1")]
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    assert load_file(file).facts["scores"] == {}


def test_another_scale_starts_from_what_fits(recipe, tmp_path, changed):
    console = Console(record=True, width=200)
    quick = changed(recipe, optimiser={"steps": 1}, watch={"benchmark": None})
    file = run_recipe(quick, tmp_path / "x2", device="cpu", console=console)
    thrice = changed(quick, model={"scale": 3, "start": str(file)}, optimiser={"rate": 1e-9})
    three = run_recipe(thrice, tmp_path / "x3", device="cpu", console=console)
    one, other = tensors(file), tensors(three)
    torch.testing.assert_close(one["backbone.first.weight"], other["backbone.first.weight"])
    said = "; untrained: head.up.0.weight; changed settings: head.scale 2 → 3"
    assert f"starts from {file}{said}" in console.export_text().replace("\n", "")


def test_a_dry_run_tries_two_steps_and_writes_nothing(recipe, tmp_path):
    console = Console(record=True, width=200)
    assert run_recipe(recipe, tmp_path / "out", dry_run=True, console=console, device="cpu") is None
    assert not (tmp_path / "out").exists()
    said = console.export_text()
    assert "parameters; 4 steps of 2 crops of 8²" in said
    assert "3 pictures" in said
    assert "tried 2 steps on cpu: l1 0." in said
    assert "GiB of memory" in said
    assert " s a step, about 0:00:0" in said
    assert said.rstrip().endswith(" for the 4 steps left, without validation")
    assert "not reached" not in said


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_run_says_what_to_do_about_memory(recipe, tmp_path, quiet, monkeypatch, dry_run):
    def greedy(self, low, size, points):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] can't allocate memory: 99 bytes")

    monkeypatch.setattr("bigpicture.train.render.Renderer.forward", greedy)
    with pytest.raises(ValueError, match="precision.recompute, raise optimiser.accumulate"):
        run_recipe(recipe, tmp_path / "out", dry_run=dry_run, device="cpu", console=quiet)


def test_a_dry_run_counts_the_wait_for_batches(recipe, changed, tmp_path, monkeypatch):
    draw = Patches.draw

    def slow(self, step, *share):
        time.sleep(0.5)
        return draw(self, step, *share)

    monkeypatch.setattr(Patches, "draw", slow)
    console = Console(record=True, width=200)
    plain = changed(recipe, watch={"benchmark": None}, data={"workers": 0})
    run_recipe(plain, tmp_path / "out", dry_run=True, console=console, device="cpu")
    said = console.export_text()
    found = re.search(r"([\d.]+) s a step", said)
    assert found and float(found[1]) >= 0.5
    assert said.rstrip().endswith(" for the 4 steps left")


def test_a_run_says_what_to_do_about_the_memory_of_scores(recipe, tmp_path, quiet, monkeypatch):
    def greedy(*arguments, **options):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] can't allocate memory: 99 bytes")

    monkeypatch.setattr("bigpicture.train.validation.compare", greedy)
    with pytest.raises(
        ValueError, match="validation, .* does not fit into memory .*--set watch.ben"
    ):
        run_recipe(recipe, tmp_path / "out", device="cpu", console=quiet)


def test_a_dry_run_takes_the_greatest_scale(recipe, tmp_path, changed, monkeypatch):
    """Which takes most memory, whatever the first steps would draw."""
    drawn = []
    original = Learner.step
    monkeypatch.setattr(
        Learner,
        "step",
        lambda self, index, batch: drawn.append(batch) or original(self, index, batch),
    )
    part = {"scales": {"among": [1, [1.2, 2.5]]}, "points": "all"}
    any_scale = changed(
        recipe, model={"size": "liif-light", "scale": None}, data=part, watch={"scale": 2}
    )
    console = Console(record=True, width=200)
    run_recipe(any_scale, tmp_path / "out", dry_run=True, console=console, device="cpu")
    assert [batch.target.shape[-1] for batch in drawn] == [20, 20]
    assert "s a step at ×2.5, at most 0:00:" in console.export_text()


@pytest.mark.parametrize("dry_run", [True, False])
def test_pictures_that_cannot_be_scored_are_named_first(
    recipe, photographs, tmp_path, quiet, dry_run
):
    file = photographs / "benchmark" / "HR" / "1.png"
    write(Picture(np.zeros((14, 50, 3), np.uint8)), file)
    with pytest.raises(ValueError, match=r"1: the pictures are 50×14; sr-y .* at least 15 a side"):
        run_recipe(recipe, tmp_path / "out", dry_run=dry_run, console=quiet, device="cpu")
    file.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"1\.png"):
        run_recipe(recipe, tmp_path / "out", dry_run=dry_run, console=quiet, device="cpu")
    assert not (tmp_path / "out").exists()


def test_the_log_says_why_a_run_has_ended(recipe, tmp_path, quiet, monkeypatch):
    def fail(self, run, progress):
        raise OSError("no space left on device")

    monkeypatch.setattr(Checkpoints, "save", fail)
    with pytest.raises(OSError, match="no space left"):
        run_recipe(recipe, tmp_path / "out", device="cpu", console=quiet)
    last = (tmp_path / "out/log.txt").read_text().splitlines()[-1]
    assert last.endswith("ended by an error: no space left on device")


def test_an_earlier_run_is_not_overwritten(recipe, tmp_path, quiet, changed):
    quick = changed(recipe, optimiser={"steps": 1}, watch={"benchmark": None})
    run_recipe(quick, tmp_path / "out", device="cpu", console=quiet)
    with pytest.raises(ValueError, match="exists; use --resume to go on"):
        run_recipe(quick, tmp_path / "out", device="cpu", console=quiet)


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ({"model": {"size": "uhd"}}, ValueError, "did you mean 'uhdn'"),
        ({"model": {"start": "uhdn-x9.pth"}}, WeightsError, "uhdn-x9.pth: no shipped model"),
        ({"data": {"train": ["/nowhere"]}}, ValueError, "data.train: /nowhere is no folder"),
        (
            {"data": {"train": ["/nowhere"], "low": ["/nor"]}},
            ValueError,
            "data.train and data.low: /nowhere is no folder",
        ),
        (
            {"watch": {"benchmark": "/nowhere"}},
            ValueError,
            "(?s)watch.benchmark: /nowhere is .*--set watch.benchmark=FOLDER .*benchmark= none",
        ),
        ({"watch": {"protocol": "sr-x"}}, ValueError, "'sr-x': input should be 'sr-y' or 'sr-rgb'"),
        ({"optimiser": {"accumulate": 4}}, ValueError, "images is 2, .* give a multiple of 4"),
    ],
)
def test_what_a_recipe_asks_for_in_vain_is_named_first(
    recipe, parts, error, message, tmp_path, quiet, changed
):
    with pytest.raises(error, match=message):
        run_recipe(changed(recipe, **parts), tmp_path / "out", dry_run=True, console=quiet)


def test_without_an_average_the_weights_are_kept_as_they_are():
    network = torch.nn.Linear(64, 64)
    none = running_average(network, 0.0)
    for size in (1.0, 1e-6, 10.0):
        torch.nn.init.normal_(network.weight, std=size)
        none.update_parameters(network)
        assert torch.equal(none.module.weight, network.weight)


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
