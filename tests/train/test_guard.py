import json
from contextlib import nullcontext
from threading import Event

import pytest
import torch
from safetensors import safe_open

from bigpicture.data.batch import Batch, Points
from bigpicture.data.patches import Patches
from bigpicture.train.checkpoint import Progress
from bigpicture.train.guard import Guard
from bigpicture.train.losses.pixel import L1
from bigpicture.train.run import run_recipe


@pytest.fixture
def poisoned(monkeypatch):
    """Make the loss of some steps no number, by the batches of other steps left as they are."""

    def poison(steps, loss=float("nan")):
        original, drawn = L1.forward, []
        draw = Patches.draw
        monkeypatch.setattr(
            Patches,
            "draw",
            lambda self, step, *share: drawn.append(step) or draw(self, step, *share),
        )

        def forward(self, restored, reference):
            honest = original(self, restored, reference)
            return honest * loss if drawn[-1] in steps else honest

        monkeypatch.setattr(L1, "forward", forward)

    return poison


def test_a_step_that_gives_no_number_is_named_skipped_counted_and_kept(
    recipe, tmp_path, quiet, logged, poisoned
):
    poisoned({1})
    out = tmp_path / "out"
    run_recipe(recipe, out, device="cpu", console=quiet)
    assert "step 2 was skipped: l1 not finite (1 skipped so far)" in (out / "log.txt").read_text()
    assert logged(out, "skipped") == [logged(out, "skipped")[0]]
    assert logged(out, "skipped")[0] | {"step": 2, "skipped": 1} == logged(out, "skipped")[0]
    with safe_open(out / "skipped/step-2.safetensors", "pt") as file:
        assert file.get_tensor("low").shape == (2, 3, 8, 8)
        assert file.get_tensor("target").shape == (2, 3, 16, 16)
        assert json.loads(file.metadata()["losses"]) == {"l1": "nan"}


def test_a_skipped_step_changes_nothing(recipe, tmp_path, quiet, changed, poisoned):
    """Four steps, two of them skipped, leave the state that the other two have made."""
    alone = changed(
        recipe, optimiser={"schedule": "constant", "steps": 4}, watch={"benchmark": None}
    )
    poisoned({1, 2}, float("inf"))
    run_recipe(alone, tmp_path / "out", device="cpu", console=quiet)
    state = torch.load(tmp_path / "out/checkpoint.pt", weights_only=True)
    assert (state["step"], state["skipped"]) == (4, 2)
    assert {s["step"].item() for s in state["optimiser"]["state"].values()} == {2}
    assert state["average"]["n_averaged"] == 2


def test_too_many_end_the_run_and_the_checkpoint_is_from_before(
    recipe, tmp_path, quiet, changed, poisoned
):
    poisoned({2, 3, 4, 5, 6})
    strict = changed(recipe, optimiser={"steps": 9}, watch={"skips": 2})
    with pytest.raises(
        FloatingPointError,
        match="step 5 .*More than watch.skips = 2: look at .*and a higher watch.skips if",
    ):
        run_recipe(strict, tmp_path / "out", device="cpu", console=quiet)
    assert torch.load(tmp_path / "out/checkpoint.pt", weights_only=True)["step"] == 2
    assert len(list((tmp_path / "out/skipped").iterdir())) == 3


def test_a_run_is_not_stopped_at_a_skipped_step(recipe, tmp_path, quiet, changed, poisoned):
    """Whose weights may be lost: the checkpoint that it is left with is of a sound one."""
    poisoned({1, 2})
    long = changed(recipe, optimiser={"steps": 9}, watch={"save_every": 100, "benchmark": None})

    class Later(Event):
        asked = 0

        def is_set(self):
            self.asked += 1
            return self.asked > 1  # from the second step on

    stopping = nullcontext(Later())
    run_recipe(long, tmp_path / "out", device="cpu", console=quiet, stopping=stopping)
    assert torch.load(tmp_path / "out/checkpoint.pt", weights_only=True)["step"] == 4


def test_weights_that_are_lost_end_the_run(recipe, tmp_path, quiet, changed):
    hot = changed(recipe, optimiser={"rate": 1e12, "steps": 50}, watch={"benchmark": None})
    with pytest.raises(FloatingPointError, match="lower optimiser.rate"):
        run_recipe(hot, tmp_path / "out", device="cpu", console=quiet)
    assert (tmp_path / "out/checkpoint.pt").exists()


def test_a_gradient_that_is_no_number_is_named(recipe, tmp_path, quiet, changed, monkeypatch):
    # √0 has a value, and no slope
    monkeypatch.setattr(L1, "forward", lambda self, x, y: ((x - x) ** 2).sqrt().mean() + 0.1)
    with pytest.raises(FloatingPointError, match="gradient not finite \\(11 skipped"):
        run_recipe(
            changed(recipe, optimiser={"steps": 20}), tmp_path / "out", device="cpu", console=quiet
        )


def test_points_and_shares_are_kept_too(tmp_path):
    low, target = torch.rand(1, 3, 4, 4), torch.rand(1, 5, 3)
    batch = Batch(low, target, Points(torch.rand(1, 5, 2), torch.rand(1, 5, 2)))
    progress = Progress(step=7)
    Guard(tmp_path, 1, (1, 2)).skip(progress, batch, {"l1": 1.0}, ["gradient"])
    with safe_open(tmp_path / "step-7-process-1.safetensors", "pt") as file:
        torch.testing.assert_close(file.get_tensor("coordinates"), batch.points.coordinates)
    assert progress.skipped == 1
