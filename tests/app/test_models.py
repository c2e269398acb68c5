import json
import shutil
from pathlib import Path

import pytest
import torch

from bigpicture.weights.file import load_file, save_network


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


def test_a_file_is_rewritten_with_its_origin(bigpicture, tiny, tmp_path):
    source, target = tmp_path / "tiny.pth", tmp_path / "tiny.safetensors"
    network = load_file(Path(tiny)).network
    torch.save({"params": network.state_dict()}, source)
    result = bigpicture("models", "convert", source, target, "--licence", "CC0")
    assert result.exit_code == 0
    assert f"{target}: uhdn ×2" in result.stdout.replace("\n", "")
    shown = json.loads(bigpicture("models", "show", target, "--json").stdout)
    assert (shown["licence"], shown["source"]["file"]) == ("CC0", "tiny.pth")
    low = torch.rand(1, 3, 5, 6)
    assert torch.equal(load_file(target).network(low), network(low))


def test_a_file_of_ours_keeps_its_origin_but_for_what_is_asked(bigpicture, tiny, tmp_path):
    network = load_file(Path(tiny)).network
    source, target = tmp_path / "ours.safetensors", tmp_path / "out.safetensors"
    facts = {"name": "ours", "licence": "CC0", "scores": {"Set5": {"psnr": 37.0}}, "source": "here"}
    save_network(network, source, facts)
    for asked, licence in [((), "CC0"), (("--licence", "MIT"), "MIT")]:
        assert bigpicture("models", "convert", source, target, "--overwrite", *asked).exit_code == 0
        stated = load_file(target).facts
        assert (stated["name"], stated["licence"], stated["source"]) == ("out", licence, "here")
        assert stated["scores"] == facts["scores"]


def test_a_file_that_cannot_be_written_is_named(bigpicture, tiny, tmp_path):
    result = bigpicture("models", "convert", tiny, tmp_path / "no" / "out.safetensors")
    assert result.exit_code == 2
    assert "out.safetensors cannot be written: its folder does not exist" in result.stderr.replace(
        "\n", " "
    )


def test_what_a_file_states_moves_no_cursor(bigpicture, tiny, tmp_path):
    file = tmp_path / "file.safetensors"
    save_network(load_file(Path(tiny)).network, file, {"note": "\x1b[2Jgone"})
    shown = bigpicture("models", "show", file)
    assert "\\x1b[2Jgone" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_nothing_is_replaced_unasked(bigpicture, tiny, tmp_path):
    target = tmp_path / "there.safetensors"
    target.write_text("mine")
    result = bigpicture("models", "convert", tiny, target)
    assert result.exit_code == 2
    assert "--overwrite" in result.stderr
    assert target.read_text() == "mine"
    assert bigpicture("models", "convert", tiny, target, "--overwrite").exit_code == 0
    load_file(target)
    assert "must end in .safetensors" in bigpicture(
        "models", "convert", tiny, tmp_path / "out.pth"
    ).stderr.replace("\n", " ")


def test_what_a_converted_file_states_moves_no_cursor(bigpicture, tiny, tmp_path):
    source = tmp_path / "file.safetensors"
    save_network(load_file(Path(tiny)).network, source, {"release": "\x1b[2Jgone\n"})
    result = bigpicture("models", "convert", source, tmp_path / "out.safetensors")
    assert result.exit_code == 0
    assert "parameters (\\x1b[2Jgone\\n)" in result.stdout
