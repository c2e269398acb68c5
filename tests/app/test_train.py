import json
import signal
from pathlib import Path

import pytest

from bigpicture.data.patches import Patches

RECIPE = Path(__file__).parents[2] / "recipes" / "uhdn-x2-plain.toml"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["no.toml"], "no.toml"),
        ([RECIPE, "--set", "optimiser.rat=1"], "did you mean 'rate'?"),
        ([RECIPE, "--set", "rate"], "KEY=VALUE"),
        ([RECIPE, "--dry-run", "--set", "watch.benchmark='nowhere'"], "nowhere"),
        ([RECIPE, "--dry-run", "--set", "watch.protocol=y", "--device", "cpu"], "protocol"),
    ],
)
def test_wrong_recipes_are_refused(bigpicture, arguments, reason, tmp_path):
    result = bigpicture("train", *arguments, "--out", tmp_path / "run")
    assert result.exit_code == 2, result.output
    assert reason in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_can_be_tried_first(bigpicture, make, tmp_path):
    make(tmp_path / "photographs" / "a.png", 80, 80)
    result = bigpicture(
        "train", RECIPE, "--out", tmp_path / "run", "--dry-run", "--device", "cpu",
        "--set", f"data.train=['{tmp_path / 'photographs'}']",
        "--set", f"watch.benchmark='{tmp_path / 'photographs'}'",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "uhdn-x2" in result.stdout
    assert not (tmp_path / "run").exists()


def test_a_run_is_made_stopped_by_lost_weights_and_told(bigpicture, make, tmp_path):
    make(tmp_path / "photographs" / "a.png", 40, 40)
    result = bigpicture(
        "train", RECIPE, "--out", tmp_path / "run", "--device", "cpu",
        "--set", f"data.train=['{tmp_path / 'photographs'}']",
        "--set", f"data.cache='{tmp_path / 'cache'}'",
        "--set", f"watch.benchmark='{tmp_path / 'photographs'}'",
        "--set", "data.images=1", "--set", "data.patch=8", "--set", "optimiser.rate=1e12",
        "--set", "optimiser.warmup=0", "--set", "watch.skips=0", "--set", "model.size='comonet-s'",
    )  # fmt: skip
    assert result.exit_code == 1, result.output
    assert "was skipped: " in result.stderr
    assert "--resume" in result.stderr


@pytest.mark.parametrize(
    ("signals", "said", "kept"),
    [
        (1, "stopped after step 2; --resume goes on", True),
        (2, "stopped at once; --resume goes on from the last checkpoint", False),
    ],
)
def test_a_signal_ends_a_run_between_two_steps_and_a_second_one_at_once(
    bigpicture, make, tmp_path, monkeypatch, signals, said, kept
):
    make(tmp_path / "photographs" / "a.png", 40, 40)
    draw = Patches.draw

    def interrupted(self, step, *share):
        for _ in range(signals if step == 1 else 0):
            signal.raise_signal(signal.SIGTERM)
        return draw(self, step, *share)

    monkeypatch.setattr(Patches, "draw", interrupted)
    result = bigpicture(
        "train", RECIPE, "--out", tmp_path / "run", "--device", "cpu",
        "--set", f"data.train=['{tmp_path / 'photographs'}']",
        "--set", f"data.cache='{tmp_path / 'cache'}'", "--set", "watch.benchmark=",
        "--set", "data.images=1", "--set", "data.patch=8", "--set", "model.size='comonet-s'",
    )  # fmt: skip
    assert result.exit_code == 128 + signal.SIGTERM, result.output
    assert said in result.stdout
    assert said in (tmp_path / "run/log.txt").read_text()
    assert (tmp_path / "run/checkpoint.pt").exists() == kept


def test_the_schema_is_json(bigpicture):
    result = bigpicture("train", "--schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["properties"].keys() >= {"model", "data", "losses", "watch"}
