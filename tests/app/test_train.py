import json
from pathlib import Path

import pytest

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


def test_the_schema_is_json(bigpicture):
    result = bigpicture("train", "--schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["properties"].keys() >= {"model", "data", "losses", "watch"}
