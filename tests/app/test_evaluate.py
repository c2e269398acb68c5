import csv
import json
import os
import shutil
import signal
import sys

import pytest

from bigpicture.evaluate.bicubic import bicubic
from bigpicture.image import read, write_pages
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
    rows = csv.DictReader(result.stdout.splitlines())
    assert [(row["benchmark"], row["scale"]) for row in rows if row["image"] == "mean"] == [
        (name, scale) for scale in ("2", "3") for name in ("Other", "set")
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
    (first,) = told["reports"]
    assert (first["benchmark"], told["stopped"], len(first["images"])) == ("first", 130, 1)

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


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError("tiles of 32 pixels do not fit"), "tiles of 32 pixels do not fit"),
        (MemoryError(), "MemoryError"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB\nmore"), "Tried to allocate"),
    ],
)
def test_a_set_that_does_not_fit_costs_no_other_its_scores(
    bigpicture, pictures, make, tmp_path, monkeypatch, error, reason
):
    make(tmp_path / "good" / "a.png", 40, 40)
    restore_in_vain(monkeypatch, error)
    report, page = tmp_path / "scores.json", tmp_path / "page.html"
    arguments = ("evaluate", "--model", "bicubic", "--hr", tmp_path / "good", "--hr", pictures)
    result = bigpicture(*arguments, "--scale", 2, "--json", report, "--html", page)
    assert result.exit_code == 1, result.output
    assert "set ×2 does not fit into memory" in result.stderr and reason in result.stderr
    assert "bicubic ×2: " in result.stdout and page.exists()
    told = json.loads(report.read_text())
    assert [each["benchmark"] for each in told["reports"]] == ["good"]
    (failed,) = told["failed"]
    assert (failed["model"], failed["scale"], failed["benchmark"]) == ("bicubic", 2, "set")
    assert reason in failed["error"]


def test_a_mistake_in_the_program_is_not_hidden(bigpicture, pictures, monkeypatch):
    restore_in_vain(monkeypatch, RuntimeError("shapes differ"))
    result = bigpicture("evaluate", "--model", "bicubic", "--hr", pictures, "--scale", 2)
    assert isinstance(result.exception, RuntimeError)


def restore_in_vain(monkeypatch, error):
    """Have bicubic fail for the pictures of the fixture."""

    def restore(low):
        if low.shape[-2:] == (24, 20):
            raise error
        return bicubic(2)(low)

    monkeypatch.setattr("bigpicture.evaluate.bicubic.bicubic", lambda scale: restore)


def test_the_shape_of_the_report_is_that_of_the_request(bigpicture, pictures, make, tmp_path):
    make(tmp_path / "good" / "a.png", 40, 40)
    (pictures / "HR" / "three.png").write_bytes(b"no picture")
    report = tmp_path / "scores.json"
    arguments = ("evaluate", "--model", "bicubic", "--scale", 2, "--json", report)
    both = bigpicture(*arguments, "--hr", pictures, "--hr", tmp_path / "good", "--format", "json")
    assert both.exit_code == 1
    told = json.loads(report.read_text())
    assert told == json.loads(both.stdout)
    assert [each["benchmark"] for each in told["reports"]] == ["good"]
    (failed,) = told["failed"]
    assert (failed["model"], failed["scale"], failed["benchmark"]) == ("bicubic", 2, "set")
    assert "three.png" in failed["error"]
    one = bigpicture(*arguments, "--hr", pictures, "--format", "json")
    assert one.exit_code == 1
    assert json.loads(one.stdout) == json.loads(report.read_text()) == {"failed": [failed]}
    assert bigpicture(*arguments, "--hr", tmp_path / "good").exit_code == 0
    assert json.loads(report.read_text())["benchmark"] == "good"


def test_a_page_never_takes_the_place_of_a_picture_or_the_report(bigpicture, pictures, tmp_path):
    file = pictures / "HR" / "one.png"
    before = file.read_bytes()
    arguments = ("evaluate", "--model", "bicubic", "--hr", pictures, "--scale", 2)
    result = bigpicture(*arguments, "--html", file)
    assert result.exit_code == 2
    assert "is a picture's file name; give a name for the report, such as one.html" in result.stderr
    assert file.read_bytes() == before
    same = tmp_path / "scores"
    result = bigpicture(*arguments, "--html", same, "--json", tmp_path / "set" / ".." / "scores")
    assert result.exit_code == 2
    assert "--json and --html are both" in result.stderr
    assert not same.exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full device")  # noqa: PTH110
@pytest.mark.parametrize("full", ["--html", "--json"])
def test_if_one_report_cannot_be_written_the_other_is(bigpicture, pictures, tmp_path, full):
    other = tmp_path / "other"
    arguments = ("evaluate", "--model", "bicubic", "--hr", pictures, "--scale", 2)
    options = {"--html": other, "--json": other} | {full: "/dev/full"}
    result = bigpicture(*arguments, *(word for pair in options.items() for word in pair))
    assert result.exit_code == 1
    assert "/dev/full cannot be written" in result.stderr
    assert "Traceback" not in result.output and not isinstance(result.exception, OSError)
    assert other.stat().st_size > 100


def test_what_is_left_out_of_a_picture_is_said_once(bigpicture, pictures):
    pages = [read(pictures / "HR" / "one.png")] * 2
    write_pages(pages, pictures / "HR" / "three.tif")
    result = bigpicture("evaluate", "--model", "bicubic", "--hr", pictures, "--scale", 2)
    assert result.exit_code == 0, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("warning  ")
    assert line.endswith("three.tif' (TIFF) has 2 pages, of which only the first is taken")
