import json
import shutil

import pytest


@pytest.fixture
def shipped(tmp_path, tiny, monkeypatch):
    file = tmp_path / "tiny-x2.safetensors"
    shutil.copy(tiny, file)
    monkeypatch.setattr("bigpicture.weights.index._shipped", lambda: {"tiny-x2": file})


def test_shipped_models_are_listed(bigpicture, shipped):
    result = bigpicture("models", "list")
    assert result.exit_code == 0
    assert "tiny-x2" in result.stdout
    (entry,) = json.loads(bigpicture("models", "list", "--json").stdout)["models"]
    assert entry["scale"] == 2


def test_a_file_is_shown(bigpicture, tiny):
    shown = json.loads(bigpicture("models", "show", tiny, "--json").stdout)
    assert shown["family"] == "uhdn"
    assert shown["scale"] == 2
    assert shown["settings"]["backbone"]["channels"] == 16
    assert shown["parameters"] > 100
    assert "channels" in bigpicture("models", "show", tiny).stdout


def test_what_is_no_model_is_refused(bigpicture, shipped, tmp_path):
    assert "did you mean 'tiny-x2'?" in bigpicture("models", "show", "tny-x2").stderr
    (tmp_path / "text.safetensors").write_text("no weights")
    result = bigpicture("models", "show", tmp_path / "text.safetensors")
    assert result.exit_code == 2
    assert "text.safetensors" in result.stderr
