import json
import os
import shutil
import signal
import sys

import pytest

from bigpicture.evaluate.bicubic import bicubic
from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.heads.liif import LIIFSettings
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.weights.file import save_network
from bigpicture.weights.index import default_for


@pytest.fixture
def pictures(make, tmp_path):
    for name in ("one", "two"):
        make(tmp_path / "set" / "HR" / f"{name}.png", 48, 40)
    return tmp_path / "set"


def test_bicubic_is_scored_picture_by_picture(bigpicture, pictures, tmp_path):
    report = tmp_path / "scores.json"
    result = bigpicture(
        "evaluate", "--model", "bicubic", "--hr", pictures, "--scale", 2, "--json", report
    )
    assert result.exit_code == 0, result.output
    scores = json.loads(report.read_text())
    assert scores["model"] == "bicubic"
    assert scores["protocol"] == "sr-y"
    assert [image["name"] for image in scores["images"]] == ["one", "two"]
    assert f"{scores['mean']['psnr']:.2f} dB" in result.stdout
    assert "sr-y" in result.stdout.splitlines()[0]
    alone = bigpicture("evaluate", "--model", "bicubic", "--hr", pictures / "HR", "--scale", 2)
    assert alone.stdout == result.stdout


def test_networks_are_scored(bigpicture, pictures, tiny):
    result = bigpicture("evaluate", "--model", tiny, "--hr", pictures, "--scale", 2)
    assert result.exit_code == 0, result.output
    assert "dB PSNR" in result.stdout


@pytest.mark.parametrize("kind", ["bi", "bd", "dn"])
def test_degradations_are_repeatable(bigpicture, pictures, kind):
    arguments = ("evaluate", "--model", "bicubic", "--hr", pictures, "--scale", 3)
    first, second = (bigpicture(*arguments, "--degrade", kind) for _ in range(2))
    assert first.exit_code == 0, first.output
    assert first.stdout == second.stdout


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--scale", "3"], "--scale 3"),
        (["--scale", "0.5"], "--scale 0.5"),
        (["--scale", "2", "--degrade", "bd"], "odd"),
        (["--scale", "2", "--degrade", "bi", "--lr", "set"], "one of the two"),
        (["--scale", "2", "--hr", "nowhere"], "nowhere"),
        (["--scale", "2", "--model", "uhnd"], "uhnd"),
        (["--scale", "2", "--protocol", "y"], "sr-rgb"),
    ],
)
def test_wrong_requests_are_refused(bigpicture, pictures, tiny, options, reason):
    result = bigpicture("evaluate", "--model", tiny, "--hr", pictures, *options)
    assert result.exit_code == 2, result.output
    assert reason in result.stderr


def test_a_bad_picture_fails_and_is_named(bigpicture, pictures):
    (pictures / "HR" / "three.png").write_bytes(b"no picture")
    result = bigpicture("evaluate", "--model", "bicubic", "--hr", pictures, "--scale", 2)
    assert result.exit_code == 1
    assert "three.png" in result.stderr


def test_the_field_s_first_number(bigpicture, shared):
    folder = shared / "data" / "benchmarks" / "Set5"
    result = bigpicture("evaluate", "--model", "bicubic", "--hr", folder, "--scale", 2)
    assert "33.67 dB" in result.stdout


def test_models_are_compared(bigpicture, pictures, tiny, tmp_path):
    report, page = tmp_path / "scores.json", tmp_path / "pages" / "page.html"
    result = bigpicture(
        *("evaluate", "--model", tiny, "--compare", "bicubic", "--hr", pictures, "--scale", 2),
        *("--json", report, "--html", page, "--crops", 2),
    )
    assert result.exit_code == 0, result.output
    reports = json.loads(report.read_text())["reports"]
    assert [each["model"] for each in reports] == [tiny, "bicubic"]
    assert f"bicubic − {tiny}" in result.stdout
    content = page.read_text("utf-8")
    assert content.count("<h2>") == 2
    assert content.count("data:image/png") == 2 * (2 + 2 * 2)


def test_sets_and_scales_are_scored_together(bigpicture, pictures, make, tmp_path):
    make(tmp_path / "sets" / "Other" / "GTmod12" / "a.png", 48, 48)
    pictures.rename(tmp_path / "sets" / "set")
    arguments = ("evaluate", "--model", "bicubic", "--hr", tmp_path / "sets")
    result = bigpicture(*arguments, "--scale", 2, "--scale", 3, "--format", "csv")
    assert result.exit_code == 0, result.output
    rows = [line.split(",")[:5] for line in result.stdout.splitlines()[1:]]
    assert [row[1:3] for row in rows if row[4] == "mean"] == [
        [name, scale] for scale in ("2", "3") for name in ("Other", "set")
    ]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("markdown", "| mean"),
        ("latex", r"\bottomrule"),
        ("json", '"images"'),
        ("csv", "bicubic,set"),
    ],
)
def test_formats_hold_nothing_else(bigpicture, pictures, kind, content):
    arguments = ("evaluate", "--model", "bicubic", "--hr", pictures, "--scale", 2)
    result = bigpicture(*arguments, "--format", kind)
    assert result.exit_code == 0, result.output
    assert content in result.stdout
    assert "dB PSNR" not in result.stdout
    if kind == "json":
        assert json.loads(result.stdout)["model"] == "bicubic"


def test_a_scale_in_the_name_of_a_model(bigpicture, pictures):
    arguments = ("evaluate", "--model", "uhdn-x{scale}", "--hr", pictures, "--tile", "off")
    result = bigpicture(*arguments, "--scale", 2, "--scale", 3)
    assert result.exit_code == 0, result.output
    assert "uhdn-x2 ×2" in result.stdout
    assert "uhdn-x3 ×3" in result.stdout


def test_pictures_without_originals_are_judged(bigpicture, pictures):
    arguments = ("evaluate", "--model", "bicubic", "--lr", pictures / "HR", "--scale", 2)
    result = bigpicture(*arguments, "--metric", "piqe")
    assert result.exit_code == 0, result.output
    assert "PIQE (mean of 2)" in result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="where names of files are any bytes")
def test_names_that_are_no_text(bigpicture, pictures, tmp_path):
    file = pictures / "HR" / os.fsdecode(b"caf\xe9\x1b.png")
    (pictures / "HR" / "one.png").rename(file)
    report, page = tmp_path / "scores.json", tmp_path / "page.html"
    arguments = ("evaluate", "--model", "bicubic", "--hr", pictures, "--scale", 2)
    result = bigpicture(*arguments, "--json", report, "--html", page)
    assert result.exit_code == 0, result.output
    assert "caf\\xe9\\x1b" in result.stdout
    assert json.loads(report.read_text())["images"][0]["name"] == file.stem
    assert "caf\\udce9" in page.read_text("utf-8")


def test_a_set_that_fails_does_not_end_the_others(bigpicture, pictures, make, tmp_path):
    make(tmp_path / "good" / "a.png", 40, 40)
    (pictures / "HR" / "three.png").write_bytes(b"no picture")
    arguments = ("evaluate", "--model", "bicubic", "--hr", pictures, "--hr", tmp_path / "good")
    result = bigpicture(*arguments, "--scale", 2)
    assert result.exit_code == 1
    assert "three.png" in result.stderr
    assert "bicubic, good, ×2" in result.stdout


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--lr", "set"], "give the originals with --hr"),
        (["--lr", "set", "--metric", "lpips"], "give the originals with --hr"),
        (["--lr", "set", "--metric", "piqe", "--html", "a.html"], "--html a.html"),
        (["--lr", "set", "--metric", "piqe", "--degrade", "bi"], "--degrade bi: it makes inputs"),
        (["--hr", "set", "--metric", "pqie"], "--metric pqie: give one of lpips"),
        (["--hr", "set", "--compare", "bicubic"], "in the comparison already"),
        (["--hr", "set", "--hr", "set/HR", "--lr", "set/HR"], "--lr set/HR is of one set"),
        (["--hr", "set", "--html", "set"], "--html set cannot be written"),
    ],
)
def test_requests_that_make_no_sense(bigpicture, pictures, monkeypatch, options, reason):
    monkeypatch.chdir(pictures.parent)
    result = bigpicture("evaluate", "--model", "bicubic", "--scale", 2, *options)
    assert result.exit_code == 2, result.output
    assert reason in result.stderr


def test_all_bad_pictures_are_named_before_anything_is_computed(
    bigpicture, pictures, make, tmp_path, monkeypatch
):
    make(tmp_path / "good" / "a.png", 40, 40)
    make(pictures / "HR" / "flat.png", 14, 60)
    (pictures / "HR" / "three.png").write_bytes(b"no picture")
    seen = []

    def restoring(scale):
        return lambda low: seen.append(low.shape[-2:]) or bicubic(scale)(low)

    monkeypatch.setattr("bigpicture.evaluate.bicubic.bicubic", restoring)
    arguments = ("evaluate", "--model", "bicubic", "--hr", pictures, "--hr", tmp_path / "good")
    result = bigpicture(*arguments, "--scale", 2)
    assert result.exit_code == 1
    assert "2 of 4 pictures of set cannot be scored" in result.stderr
    assert "three.png" in result.stderr
    assert "flat: the pictures are 60×14" in result.stderr
    assert seen == [(20, 20)]


@pytest.mark.parametrize("metric", ["niqe", "brisque"])
def test_pictures_that_are_too_small_for_a_metric_are_named_first(
    bigpicture, make, tmp_path, metric
):
    make(tmp_path / "low" / "a.png", 100, 100)
    make(tmp_path / "low" / "b.png", 7, 100)
    arguments = ("evaluate", "--model", "bicubic", "--lr", tmp_path / "low", "--scale", 2)
    result = bigpicture(*arguments, "--metric", metric)
    assert result.exit_code == 1
    assert "1 of 2 pictures of low cannot be scored" in result.stderr
    assert f"b.png: image is 200×14; {metric.upper()} needs" in result.stderr


@pytest.mark.usefixtures("heard")
def test_what_is_done_when_it_is_stopped_is_reported(
    bigpicture, pictures, make, tmp_path, monkeypatch
):
    make(tmp_path / "first" / "a.png", 40, 40)
    report, seen = tmp_path / "scores.json", []

    def restore(low):
        seen.append(low)
        if len(seen) == 3:  # the second picture of the second set
            signal.raise_signal(signal.SIGINT)
        return bicubic(2)(low)

    monkeypatch.setattr("bigpicture.evaluate.bicubic.bicubic", lambda scale: restore)
    arguments = ("evaluate", "--model", "bicubic", "--hr", tmp_path / "first", "--hr", pictures)
    result = bigpicture(*arguments, "--scale", 2, "--json", report)
    assert result.exit_code == 130
    assert "stopped" in result.stderr
    assert "bicubic ×2: " in result.stdout
    told = json.loads(report.read_text())
    assert (told["benchmark"], told["stopped"], len(told["images"])) == ("first", 130, 1)

    seen[:] = [None, None]
    assert bigpicture(*arguments, "--scale", 2, "--json", report).exit_code == 130
    assert json.loads(report.read_text()) == {"reports": [], "stopped": 130}


def test_without_a_model_each_scale_has_a_shipped_one(bigpicture, make, tmp_path):
    make(tmp_path / "set" / "a.png", 30, 30)
    report = tmp_path / "scores.json"
    arguments = ("evaluate", "--hr", tmp_path / "set", "--scale", 3, "--scale", 1.5)
    result = bigpicture(*arguments, "--json", report)
    assert result.exit_code == 0, result.output
    reports = json.loads(report.read_text())["reports"]
    assert [(each["model"], each["scale"]) for each in reports] == [
        ("uhdn-x3", 3),
        ("ciaosr-light", 1.5),
    ]


def test_a_model_of_another_scale_is_refused_with_one_that_fits(bigpicture, pictures):
    result = bigpicture("evaluate", "--model", "uhdn-x2", "--hr", pictures, "--scale", 4)
    assert result.exit_code == 2
    assert "uhdn-x2 enlarges 2 times" in result.stderr
    assert f"such as {default_for(4)}" in result.stderr
    assert "uhdn-x{scale}" in result.stderr


def test_the_paper_s_row_of_bicubic(bigpicture, shared):
    sets = shared / "data" / "benchmarks"
    result = bigpicture("evaluate", "--model", "bicubic", "--hr", sets / "Set5", "--scale", 4)
    assert "SRGRN, Table 2" in result.stdout
    assert "28.42" in result.stdout


def test_no_paper_s_row_stands_beside_another_network_of_its_name(bigpicture, make, tiny, tmp_path):
    for index in range(5):
        make(tmp_path / "Set5" / f"{index}.png", 24, 24)
    named = shutil.copy(tiny, tmp_path / "rcan-x2.safetensors")
    arguments = ("evaluate", "--model", named, "--hr", tmp_path / "Set5", "--scale", 2)
    result = bigpicture(*arguments)
    assert result.exit_code == 0, result.output
    assert "RCAN" not in result.stdout
    assert "RCAN" in bigpicture(*arguments, "--published").stdout


def test_networks_for_any_scale(bigpicture, pictures, tmp_path):
    settings = NetworkSettings(EDSRSettings(channels=8, blocks=1), LIIFSettings(hidden=8, depth=1))
    facts = {"name": "any", "parameters": 1, "licence": "CC0", "scores": {}, "protocol": "sr-y"}
    save_network(Network(settings), tmp_path / "any.safetensors", facts)
    arguments = ("evaluate", "--model", tmp_path / "any.safetensors", "--hr", pictures)
    result = bigpicture(*arguments, "--scale", 2, "--scale", 2.5, "--protocol", "sr-rgb")
    assert result.exit_code == 0, result.output
    assert "×2.5: " in result.stdout
