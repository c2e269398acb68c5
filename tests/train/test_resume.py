"""A run that was stopped, however, and goes on is the run that was not."""

import signal
import subprocess
import sys
from contextlib import nullcontext
from threading import Event

import pytest
import torch

from bigpicture.data.patches import Patches
from bigpicture.train.checkpoint import Checkpoints, Progress
from bigpicture.train.processes import Processes
from bigpicture.train.run import run_recipe
from bigpicture.train.start import start
from bigpicture.weights.file import load_file

GAME = {"l1": 1.0, "adversarial": {"channels": 4}}
DROPPED = {"drop_path": 0.5}


def state(folder):
    """Return all that a run's checkpoint holds, as one flat list of names and values."""
    content = torch.load(folder / "checkpoint.pt", weights_only=True)
    return list(flat("", content))


def flat(path, value):
    if isinstance(value, dict):
        for name, each in value.items():
            yield from flat(f"{path}/{name}", each)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from flat(f"{path}/{number}", each)
    else:
        yield path, value


def assert_same_bits(one, other):
    found, expected = state(one), state(other)
    assert [name for name, _ in found] == [name for name, _ in expected]
    for (name, a), (_, b) in zip(found, expected, strict=True):
        equal = torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
        assert equal, name
    first, second = (load_file(f / "small.safetensors").network.state_dict() for f in (one, other))
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.fixture
def stop_before():
    """Interrupt a run when it asks for the batch of a step."""

    def stop(patch, wanted):
        original = Patches.draw

        def draw(self, step, *share):
            if step == wanted:
                raise KeyboardInterrupt
            return original(self, step, *share)

        patch.setattr(Patches, "draw", draw)

    return stop


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"model": {"size": "cran-light", "backbone": {"groups": 1}}},
        {"model": {"size": "swinir-light", "backbone": {"depths": [2], "heads": [6]} | DROPPED}},
        {"losses": GAME, "precision": {"numbers": "fp16"}, "optimiser": {"clip": 1.0}},
        {"data": {"degradation": "bsrgan", "patch": 4}, "optimiser": {"accumulate": 2}},
    ],
    ids=["plain", "statistics", "chance", "game", "degraded"],
)
def test_n_steps_and_n_steps_are_2n(
    parts, recipe, changed, tmp_path, quiet, monkeypatch, stop_before, logged
):
    data = {"workers": 0} | parts.get("data", {})
    recipe = changed(recipe, **(parts | {"watch": {"validate_every": 2}, "data": data}))
    run_recipe(recipe, tmp_path / "whole", device="cpu", console=quiet)
    with monkeypatch.context() as patch:
        stop_before(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            run_recipe(recipe, tmp_path / "cut", device="cpu", console=quiet)
    run_recipe(recipe, tmp_path / "cut", device="cpu", resume=True, console=quiet)
    assert_same_bits(tmp_path / "cut", tmp_path / "whole")
    assert load_file(tmp_path / "cut/small-best.safetensors").facts == (
        load_file(tmp_path / "whole/small-best.safetensors").facts
    )


def test_a_run_that_is_told_to_stop_ends_after_its_step(
    recipe, changed, tmp_path, monkeypatch, quiet
):
    """With a checkpoint, without weights; and what goes on is the run that was not stopped."""
    recipe = changed(recipe, data={"workers": 0}, watch={"save_every": 100})
    run_recipe(recipe, tmp_path / "whole", device="cpu", console=quiet)
    stop, draw = Event(), Patches.draw
    with monkeypatch.context() as patch:
        patch.setattr(
            Patches,
            "draw",
            lambda self, step, *share: (step == 2 and stop.set()) or draw(self, step, *share),
        )
        stopping = nullcontext(stop)
        cut = tmp_path / "cut"
        assert run_recipe(recipe, cut, device="cpu", console=quiet, stopping=stopping) is None
    assert torch.load(cut / "checkpoint.pt", weights_only=True)["step"] == 3
    assert (cut / "log.txt").read_text().endswith("stopped after step 3; --resume goes on\n")
    assert not (cut / "small.safetensors").exists()
    run_recipe(recipe, cut, device="cpu", resume=True, console=quiet)
    assert_same_bits(cut, tmp_path / "whole")


def test_what_is_torn_is_told(recipe, tmp_path, quiet, monkeypatch, stop_before):
    stop_before(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(recipe, tmp_path / "out", device="cpu", console=quiet)
    last = (tmp_path / "out/log.txt").read_text().splitlines()[-1]
    assert last.endswith("stopped at once; --resume goes on from the last checkpoint")


def test_the_log_takes_back_what_was_lost(
    recipe, changed, tmp_path, quiet, monkeypatch, stop_before, logged
):
    """Checkpoints every two steps, a stop after three: the third is made and told again."""
    recipe = changed(recipe, watch={"save_every": 2, "validate_every": 1})
    with monkeypatch.context() as patch:
        stop_before(patch, 3)
        with pytest.raises(KeyboardInterrupt):
            run_recipe(recipe, tmp_path / "out", device="cpu", console=quiet)
    assert [line["step"] for line in logged(tmp_path / "out", "l1")] == [1, 2, 3]
    with (tmp_path / "out/log.jsonl").open("a") as file:
        file.write('{"step": 4, "l1": 0.')  # killed while writing
    run_recipe(recipe, tmp_path / "out", device="cpu", resume=True, console=quiet)
    for name in ("l1", "psnr"):
        assert [line["step"] for line in logged(tmp_path / "out", name)] == [1, 2, 3, 4]


def damage(file):
    """Change one bit of a tensor."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("harm", [damage, lambda file: file.write_bytes(b"nothing")])
def test_a_damaged_checkpoint_is_told_from_a_sound_one(recipe, tmp_path, quiet, harm):
    """The newest is damaged: the one before it takes its place, and the end is the same."""
    run_recipe(recipe, tmp_path / "out", device="cpu", console=quiet)
    (tmp_path / "out").rename(tmp_path / "whole")
    run_recipe(recipe, tmp_path / "out", device="cpu", console=quiet)
    harm(tmp_path / "out/checkpoint.pt")
    with pytest.warns(UserWarning, match="checkpoint.pt is damaged .*; going on from .*previous"):
        run_recipe(recipe, tmp_path / "out", device="cpu", resume=True, console=quiet)
    assert_same_bits(tmp_path / "out", tmp_path / "whole")


def test_a_damaged_checkpoint_is_not_kept(recipe, changed, tmp_path, quiet):
    """The next one takes its place, and the sound one before it stays."""
    recipe = changed(recipe, watch={"benchmark": None}, optimiser={"steps": 3})
    run_recipe(recipe, tmp_path / "out", device="cpu", console=quiet)
    checkpoints = Checkpoints(tmp_path / "out")
    damage(checkpoints.newest)
    with pytest.warns(UserWarning, match="going on from"):
        run_recipe(recipe, tmp_path / "out", device="cpu", resume=True, console=quiet)
    checkpoints.newest.unlink()
    assert checkpoints.restore(start(recipe, Processes("cpu")).run).step == 2


def test_the_one_before_stays_until_a_new_one_is_on_disk(recipe, tmp_path, monkeypatch):
    run = start(recipe, Processes("cpu")).run
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        checkpoints.save(run, Progress(step=step))

    def fail(descriptor):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with pytest.raises(OSError, match="no space left"):
            checkpoints.save(run, Progress(step=3))
    found = [torch.load(f, weights_only=True) for f in (checkpoints.newest, checkpoints.previous)]
    assert [content["step"] for content in found] == [2, 1]


def test_killed_between_two_names(recipe, tmp_path, quiet, changed):
    """The newest has become the one before, and nothing has its name yet."""
    quick = changed(recipe, optimiser={"steps": 2}, watch={"benchmark": None})
    run_recipe(quick, tmp_path / "out", device="cpu", console=quiet)
    checkpoints = Checkpoints(tmp_path / "out")
    checkpoints.newest.replace(checkpoints.previous)
    with pytest.raises(ValueError, match="use --resume"):
        run_recipe(quick, tmp_path / "out", device="cpu", console=quiet)
    assert checkpoints.restore(start(quick, Processes("cpu")).run).step == 2


def test_two_damaged_checkpoints_are_named(recipe, tmp_path, quiet):
    (tmp_path / "out").mkdir()
    for name in ("checkpoint.pt", "checkpoint-previous.pt"):
        (tmp_path / "out" / name).write_bytes(b"nothing")
    with pytest.raises(
        ValueError, match="checkpoint.pt is damaged .*previous.pt is damaged .*begin"
    ):
        run_recipe(recipe, tmp_path / "out", device="cpu", resume=True, console=quiet)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"model": {"size": "comonet-s"}}, "not a checkpoint of this recipe"),
        ({"losses": GAME}, "not a checkpoint of this recipe \\(it has no adversary\\)"),
    ],
)
def test_a_checkpoint_of_another_recipe_is_named(recipe, changed, tmp_path, parts, message):
    processes = Processes("cpu")
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(start(recipe, processes).run, Progress(step=1))
    other = start(changed(recipe, **parts), processes).run
    with pytest.raises(ValueError, match=message):
        checkpoints.restore(other)


def test_fp16_may_begin_later(recipe, changed, tmp_path):
    """What was trained in another precision has no scale of losses; a new one is begun."""
    processes = Processes("cpu")
    Checkpoints(tmp_path).save(start(recipe, processes).run, Progress(step=1))
    run = start(changed(recipe, precision={"numbers": "fp16"}), processes).run
    assert Checkpoints(tmp_path).restore(run).step == 1
    assert run.scaler.get_scale() == 2.0**16


def test_a_discriminator_that_is_no_longer_wanted_is_named(recipe, changed, tmp_path):
    processes = Processes("cpu")
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(start(changed(recipe, losses=GAME), processes).run, Progress())
    with pytest.raises(ValueError, match="it has adversary as well"):
        checkpoints.restore(start(recipe, processes).run)


_KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from bigpicture.train import checkpoint
from bigpicture.config import load
from bigpicture.train.recipe import Recipe
from bigpicture.train.run import run_recipe

whole, saves = torch.save, 0

def save(content, file):
    global saves
    saves += 1
    if saves == 3:
        file.write(b"half of a checkpoint")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    whole(content, file)

torch.save = save
run_recipe(load(Path(sys.argv[1]), Recipe), Path(sys.argv[2]), device="cpu")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows cannot be so harsh")
def test_killed_within_a_checkpoint(recipe, tmp_path, quiet, changed, toml):
    """kill -9 while the third checkpoint is written: the run goes on from the second."""
    recipe = changed(recipe, model={"size": "comonet-s"}, watch={"benchmark": None})
    command = [sys.executable, "-c", _KILLED, toml(recipe), tmp_path / "cut"]
    killed = subprocess.run(command, check=False)
    assert killed.returncode == -signal.SIGKILL
    found = torch.load(tmp_path / "cut/checkpoint.pt", weights_only=True)
    assert found["step"] == 2
    run_recipe(recipe, tmp_path / "cut", device="cpu", resume=True, console=quiet)
    run_recipe(recipe, tmp_path / "whole", device="cpu", console=quiet)
    assert_same_bits(tmp_path / "cut", tmp_path / "whole")
    assert not list((tmp_path / "cut").glob("*.part"))
