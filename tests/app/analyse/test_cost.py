import json
from pathlib import Path

import pytest
import torch

from bigpicture.analysis.cost import parameters
from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.weights.file import save_network


def test_networks_are_counted_beside_each_other(bigpicture, tiny, tmp_path):
    report = tmp_path / "cost.json"
    names = ["edsr-baseline-x2", "liif-light", tiny]
    found = bigpicture(
        "analyse", "cost", *names, "--size", "12x8", "--scale", "3", "--json", report
    )
    assert found.exit_code == 0, found.output
    edsr, liif, own = json.loads(report.read_text())["networks"]
    assert (edsr["name"], edsr["scale"], edsr["picture"]) == ("edsr-baseline-x2", 2, [12, 8])
    assert (liif["scale"], own["name"], own["scale"]) == (3, "tiny-x2", 2)
    assert edsr["parameters"] == 1_369_859
    # 34 convolutions of 64 channels, two of colours, one of the upsampler
    pixels = 12 * 8
    products = 9 * 64 * (33 * 64 + 3 + 256 + 4 * 3)
    assert edsr["multiply_adds"] == products * pixels
    assert edsr["activations"] == (34 * 64 + 256 + 4 * 3) * pixels
    for row in found.stdout.splitlines()[2:]:
        assert row.split()[1:3] in (["×2", "12×8"], ["×3", "12×8"])
    assert "seconds" not in edsr


def test_files_of_one_name_are_told_apart(bigpicture, tiny, tmp_path):
    other = tmp_path / Path(tiny).name
    network = Network(
        NetworkSettings(EDSRSettings(channels=4, blocks=1), SubPixelSettings(scale=3))
    )
    facts = {"name": other.stem, "parameters": 1, "licence": "", "scores": {}, "protocol": "sr-y"}
    save_network(network, other, facts)
    report = tmp_path / "cost.json"
    names = [tiny, other, tiny]
    found = bigpicture("analyse", "cost", *names, "--size", "12x8", "--json", report)
    assert found.exit_code == 0, found.output
    first, second = json.loads(report.read_text())["networks"]
    assert (first["name"], second["name"]) == (tiny, str(other))
    assert (first["scale"], second["scale"]) == (2, 3)
    assert second["parameters"] == parameters(network) != first["parameters"]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes\n."
        ),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB."),
        MemoryError(),
    ],
    ids=["cpu", "cuda", "python"],
)
def test_too_little_memory_is_said(bigpicture, tiny, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("bigpicture.analysis.measure.peak_memory", fail)
    found = bigpicture("analyse", "cost", tiny, "--measure")
    assert found.exit_code == 2
    said = found.stderr.replace("\n", " ")
    assert "error: this does not fit into memory (" in said
    assert "give a smaller --size" in said


def test_seconds_and_memory_are_measured_when_asked(bigpicture, tiny, tmp_path, monkeypatch):
    # in a process of its own, which takes seconds: see tests/analysis/test_measure.py
    monkeypatch.setattr("bigpicture.analysis.measure.peak_memory", lambda job: 3_000_000)
    report = tmp_path / "cost.json"
    asked = ["--size", "8x8", "--measure", "--repeats", "1", "--device", "cpu", "--json", report]
    found = bigpicture("analyze", "cost", tiny, *asked)
    assert found.exit_code == 0, found.output
    values = json.loads(report.read_text())
    assert values["networks"][0]["seconds"] > 0
    assert values["networks"][0]["memory"] == 3_000_000
    assert (values["device"], values["precision"], values["repeats"]) == ("cpu", "fp32", 1)
    assert "memory, MB" in found.stdout


def test_a_paper_s_table_says_why_figures_differ(bigpicture):
    found = bigpicture("analyse", "cost", "--table", "ciaosr-7", "--format", "markdown")
    assert found.exit_code == 0, found.output
    assert "CiaoSR, Table 7: a picture of 192×192, enlarged ×4" in found.stdout
    assert "| RDN-CiaoSR |" in found.stdout
    assert "counts the parameters of heads" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give names of networks, or a paper's table"),
        (["rgt-x2", "--table", "rgt-3"], "give names of networks, or a paper's table"),
        (
            ["--table", "rgt-3", "--size", "64x64"],
            "--size 64x64: --table rgt-3 has",
        ),
        (["rgt-x2", "--repeats", "3"], "--repeats 3 only affects --measure; add that"),
        (["rgt-x2", "--device", "cuda"], "--device cuda only affects --measure"),
        (["rgt-x2", "--precision", "bf16"], "--precision bf16 only affects --measure"),
        (["--table", "rgt-3", "--scale", "2"], "--scale 2: --table rgt-3 has"),
        (["--table", "rgt-9"], "there are cran-7, rgt-3, ciaosr-7"),
        (["rgt"], "rgt has no scale; give a whole number, such as rgt-x4"),
        (["rgt", "--scale", "2.5"], "rgt has scale 2.5; give a whole number"),
        (["liif-light", "--scale=-1"], "--scale -1: give a number above 0"),
        (["liif-light", "--scale", "0.001"], "at least 1 pixel"),
        (["nothing-x2"], "sizes are cran, cran-light"),
        (["uhdn-x2", "--size", "big"], "give WIDTHxHEIGHT"),
        (["uhdn-x2", "--measure", "--device", "none"], "no device 'none' here"),
    ],
)
def test_what_cannot_be_counted_is_refused(bigpicture, arguments, said):
    found = bigpicture("analyse", "cost", *arguments)
    assert found.exit_code == 2
    assert said in found.stderr.replace("\n", " ")
