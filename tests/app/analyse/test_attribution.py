import json
import shutil
from pathlib import Path

import pytest
import torch

from bigpicture.models.cran import cran_light
from bigpicture.models.heads.liif import LIIFSettings
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.models.uhdn import uhdn
from bigpicture.weights.file import save_network

QUICK = ["--steps", "2", "--crop", "12", "--device", "cpu"]


@pytest.fixture
def files(tmp_path):
    """A network that sees the whole picture, and one for any scale."""
    torch.manual_seed(0)
    anything = NetworkSettings(uhdn(2).backbone, LIIFSettings(hidden=8))
    kept = {}
    for name, settings in {"cran-x2": cran_light(2), "any": anything}.items():
        kept[name] = tmp_path / f"{name}.safetensors"
        facts = {"name": name, "parameters": 1, "licence": "", "scores": {}, "protocol": "sr-y"}
        save_network(Network(settings), kept[name], facts)
    return kept


def test_networks_are_compared_in_one_figure(bigpicture, make, tiny, files, tmp_path):
    picture, figure = make(tmp_path / "cat.png", 20, 24), tmp_path / "figure.png"
    models = ["--model", tiny, "--model", files["cran-x2"]]
    found = bigpicture(
        "analyse", "attribution", picture, *models, "--at", "9,7", *QUICK, "-o", figure
    )
    assert found.exit_code == 0, found.output
    assert figure.exists()
    numbers = json.loads(figure.with_suffix(".json").read_text())
    assert set(numbers["networks"]) == {"tiny-x2", "cran-x2"}
    assert numbers["at"] == [9, 7]
    assert numbers["crop"] == {"left": 3, "top": 1, "width": 12, "height": 12}
    local, wide = (numbers["networks"][name] for name in ("tiny-x2", "cran-x2"))
    for each in (local, wide):
        assert each["size"] == [12, 12]
        # column 9 of the picture is column 6 of the crop, in the middle of the window
        assert each["window"] == {"left": 5, "top": 5, "width": 16, "height": 16}
        assert each["under"] == {"left": 2, "top": 2, "width": 9, "height": 9}
        assert sum(each["shares_by_distance"]) == pytest.approx(1, abs=1e-3)
        assert [len(row) for row in each["attribution"]] == [12] * 12
        assert 0 < each["diffusion_index"] < 100
    assert "tiny-x2 (×2): diffusion index" in numbers["caption"]


def test_files_of_one_name_are_told_apart(bigpicture, make, tiny, tmp_path):
    other = tmp_path / "other" / Path(tiny).name
    other.parent.mkdir()
    shutil.copy(tiny, other)
    picture, figure = make(tmp_path / "cat.png"), tmp_path / "figure.png"
    models = ["--model", tiny, "--model", other, "--model", tiny]
    found = bigpicture("analyse", "attribution", picture, *models, *QUICK, "-o", figure)
    assert found.exit_code == 0, found.output
    first, second = json.loads(figure.with_suffix(".json").read_text())["networks"].items()
    assert (first[0], second[0]) == (tiny, str(other))
    assert first[1] == second[1]


def test_any_scale_is_looked_at_and_any_picture(bigpicture, make, files, tmp_path):
    picture, figure = make(tmp_path / "gray.png", 9, 8, channels=1), tmp_path / "figure.png"
    arguments = ["--model", files["any"], "--scale", "2.5", "--window", "4", *QUICK, "-o", figure]
    found = bigpicture("analyze", "attribution", picture, *arguments)
    assert found.exit_code == 0, found.output
    numbers = json.loads(figure.with_suffix(".json").read_text())["networks"]["any"]
    assert (numbers["scale"], numbers["size"]) == (2.5, [8, 9])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--at", "99,2"], "not in the picture"),
        (["--at", "left"], "give COLUMN,ROW"),
        (["--crop", "0"], "give off, or the side"),
        (["--scale", "3"], "only enlarges 2 times"),
        (["--scale", "0"], "--scale 0: give a number above 0"),
        (["--scale", "nan"], "--scale nan: give a number above 0"),
        (["--sigma", "0"], "sigma must be above 0"),
        (["--device", "none"], "no device 'none' here"),
        (["-o", "figure.jpg"], "ends in .png"),
        (["--model", "uhdm-x2"], "did you mean 'uhdn-x2'?"),
    ],
)
def test_what_cannot_be_done_is_refused(bigpicture, make, tiny, tmp_path, arguments, said):
    picture = make(tmp_path / "cat.png")
    figure = ["-o", tmp_path / "figure.png"]
    found = bigpicture(
        "analyse", "attribution", picture, "--model", tiny, "--steps", "1", *figure, *arguments
    )
    assert found.exit_code == 2
    assert said in found.stderr.replace("\n", " ")
    assert not (tmp_path / "figure.png").exists()


def test_too_little_memory_is_said(bigpicture, make, tiny, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes")

    monkeypatch.setattr("bigpicture.infer.model.Model.__call__", fail)
    picture, figure = make(tmp_path / "cat.png"), tmp_path / "figure.png"
    found = bigpicture("analyse", "attribution", picture, "--model", tiny, "-o", figure)
    assert found.exit_code == 2
    assert "give a smaller picture or crop" in found.stderr.replace("\n", " ")


def test_the_pixel_that_is_chosen_is_told(bigpicture, make, tiny, tmp_path):
    picture, figure = make(tmp_path / "cat.png", 20, 24), tmp_path / "figure.png"
    found = bigpicture("analyse", "attribution", picture, "--model", tiny, *QUICK, "-o", figure)
    assert found.exit_code == 0, found.output
    chosen = json.loads(figure.with_suffix(".json").read_text())
    again = bigpicture(
        *("analyse", "attribution", picture, "--model", tiny, *QUICK, "-o", figure),
        *("--at", ",".join(map(str, chosen["at"]))),
    )
    assert again.exit_code == 0, again.output
    assert json.loads(figure.with_suffix(".json").read_text()) == chosen


def test_what_is_no_picture_is_refused(bigpicture, tiny, tmp_path):
    found = bigpicture(
        "analyse", "attribution", tmp_path / "no.png", "--model", tiny, "-o", tmp_path / "f.png"
    )
    assert found.exit_code == 2
    assert "no.png" in found.stderr
