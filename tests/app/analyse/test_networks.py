"""`bigpicture analyse kernels`, `cka`, `gates`, `integration` and `context`."""

import json
import shutil

import pytest
import torch

from bigpicture.image import read
from bigpicture.models.backbones.rgt import RGTSettings
from bigpicture.models.heads.graph import GraphSettings
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.weights.file import save_network


@pytest.fixture(scope="module")
def rgt(tmp_path_factory):
    """A network with RG-SA, HAI and graphs, which modulates no kernels."""
    torch.manual_seed(0)
    backbone = RGTSettings(channels=96, depths=(2,), heads=2, window=(2, 4))
    file = tmp_path_factory.mktemp("weights") / "rgt-graph-x2.safetensors"
    network = Network(NetworkSettings(backbone, GraphSettings(nodes=2)))
    facts = {"name": file.stem, "parameters": 1, "licence": "", "scores": {}, "protocol": "sr-y"}
    save_network(network, file, facts)
    return file


@pytest.fixture
def pictures(make, tmp_path):
    for index in range(3):
        make(tmp_path / "in" / f"{index}.png", 20 + index, 24)
    return tmp_path / "in"


def figure_of(result, file):
    """Return the numbers beside a figure that was drawn."""
    assert result.exit_code == 0, result.output
    assert f"{file.name} and {file.stem}.json" in result.stdout.replace("\n", "")
    assert read(file).colour.std() > 10
    numbers = json.loads(file.with_suffix(".json").read_text())
    assert numbers["caption"]
    return numbers


def test_kernels_of_all_pictures_are_compared(bigpicture, tiny, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = bigpicture("analyse", "kernels", pictures, "--model", tiny, "--most", "1")
    numbers = figure_of(found, tmp_path / "tiny-x2_kernels.png")
    assert numbers["pictures"] == ["0.png", "1.png", "2.png"]
    assert [len(row) for row in numbers["between"]] == [3, 3, 3]
    for layer in numbers["layers"]:
        assert layer["name"].startswith("backbone.blocks.0.units.")
        assert len(layer["distance"]) == 3
        assert layer["diversity"] > 0


def test_blocks_are_compared(bigpicture, tiny, rgt, pictures, tmp_path):
    out = tmp_path / "cka.png"
    few = ["--crops", "8", "--crop", "12", "--batch", "4", "-o", out]
    own = figure_of(bigpicture("analyse", "cka", pictures, "--model", tiny, *few), out)
    assert [own["cka"][i][i] for i in range(2)] == pytest.approx([1, 1])
    assert (own["crops"], own["batches"]) == (8, 2)
    two = bigpicture("analyse", "cka", pictures, "--model", tiny, "--compare", rgt, *few)
    numbers = figure_of(two, out)
    assert numbers["networks"] == ["tiny-x2", "rgt-graph-x2"]
    assert numbers["first"] == own["first"]
    assert numbers["second"] == ["backbone.groups.0.blocks.0", "backbone.groups.0.blocks.1"]


def test_gates_are_shown(bigpicture, rgt, tmp_path):
    out = tmp_path / "gates.png"
    numbers = figure_of(bigpicture("analyse", "gates", "--model", rgt, "-o", out), out)
    assert [block["mean"] for block in numbers["blocks"]] == pytest.approx([1e-4, 1e-4, 0, 0])


def test_integrations_are_shown(bigpicture, rgt, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ["--blocks", "*.blocks.1"]
    found = bigpicture("analyse", "integration", pictures / "0.png", "--model", rgt, *asked)
    numbers = figure_of(found, tmp_path / "0_integration.png")
    assert [block["name"] for block in numbers["blocks"]] == [
        "backbone.groups.0.blocks.0",
        "backbone.groups.0.blocks.1",
    ]
    assert "1 of 2 blocks (backbone.groups.0.blocks.1)" in numbers["caption"]


def test_what_operators_look_at_is_shown(bigpicture, rgt, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ["--at", "23,5", "--operators", "head.*", "--maps", "1"]
    found = bigpicture("analyse", "context", pictures / "0.png", "--model", rgt, *asked)
    numbers = figure_of(found, tmp_path / "0_context.png")
    assert (numbers["picture"], numbers["pixel"]) == ([24, 20], [23, 5])
    names = [operator["name"] for operator in numbers["operators"]]
    assert names == ["backbone.groups.0.blocks.1.attention", "head.up.0.graph", "head.refine.graph"]
    assert "look at: head.up.0.graph, head.refine.graph." in numbers["caption"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["kernels", "IN", "--model", "RGT"], "CRACConv2d (in cran) or IKMConv2d (in uhdn)"),
        (["kernels", "IN/0.png", "--model", "TINY"], "give at least 2, not 1"),
        (["kernels", "nowhere", "--model", "TINY"], "nowhere: there is no such file or folder"),
        (["kernels", "IN", "--model", "TINY", "--layers", "x"], "no name matches 'x'; names are"),
        (["kernels", "IN", "--model", "TINY", "-o", "a.jpg"], "ends in .png"),
        (["kernels", "IN", "--model", "none-x2"], "none-x2: no shipped model and no file"),
        (["cka", "IN", "--model", "TINY", "--crop", "21"], "0.png has 24×20 pixels, too few"),
        (["cka", "IN", "--model", "TINY", "--crop", "9", "--blocks", "x"], "no module 'x'"),
        (["gates", "--model", "TINY"], "gates: this network has only IKMConv2d"),
        (["integration", "IN/0.png", "--model", "TINY"], "with HybridAdaptiveIntegration (in rgt)"),
        (["integration", "IN/0.png", "--model", "RGT", "--blocks", "x"], "no name matches 'x'"),
        (["context", "IN/0.png", "--model", "TINY", "--at", "4"], "--at 4: give COLUMN,ROW"),
        (
            ["context", "IN/0.png", "--model", "TINY", "--at", "24,0"],
            "column 24, row 0 is not",
        ),
        (["context", "TEXT", "--model", "TINY"], "text.png"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_what_cannot_be_shown_is_refused(
    bigpicture, tiny, rgt, pictures, tmp_path, monkeypatch, arguments, reason
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("no picture")
    known = {"IN": pictures, "IN/0.png": pictures / "0.png", "TINY": tiny, "RGT": rgt}
    known["TEXT"] = tmp_path / "text.png"
    before = set(tmp_path.rglob("*"))
    result = bigpicture("analyse", *(known.get(each, each) for each in arguments))
    assert result.exit_code == 2
    assert reason in result.stderr.replace("\n", " ")
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (["attribution", "cat.png", "--model", "TINY"], "cat.png"),
        (["kernels", ".", "--model", "TINY"], "cat.png"),
        (["cka", "cat.png", "dog.png", "--model", "TINY"], "dog.png"),
        (["context", "cat.png", "--model", "TINY"], "cat.png"),
        (["integration", "cat.png", "--model", "RGT"], "link.png"),
        (["gates", "--model", "weights.json"], "weights.png"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_no_input_is_replaced_by_a_figure(
    bigpicture, make, tiny, rgt, tmp_path, monkeypatch, arguments, written
):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "cat.png", 20, 24)
    make(tmp_path / "dog.png", 22, 24)
    shutil.copy(rgt, tmp_path / "weights.json")
    (tmp_path / "link.png").hardlink_to(tmp_path / "cat.png")
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    known = {"TINY": tiny, "RGT": rgt}
    result = bigpicture("analyse", *(known.get(each, each) for each in arguments), "-o", written)
    assert result.exit_code == 2, result.output
    assert "is an input; give another name with -o" in result.stderr.replace("\n", " ")
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
