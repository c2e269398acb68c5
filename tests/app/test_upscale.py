import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bigpicture.image import read

pytestmark = pytest.mark.filterwarnings("error")


def test_a_bad_file_is_reported_and_the_others_are_done(bigpicture, make, tiny, tmp_path):
    good = [make(tmp_path / "in" / name) for name in ("a.png", "c.jpg")]
    bad = tmp_path / "in" / "b.png"
    bad.write_bytes(good[0].read_bytes()[:100])
    report = tmp_path / "report.json"
    result = bigpicture(
        "upscale", tmp_path / "in", tmp_path / "gone.png", "-o", tmp_path / "out",
        "--model", tiny, "--json", report,
    )  # fmt: skip
    assert result.exit_code == 1
    assert str(bad) in result.stderr
    assert "gone.png: there is no such file" in result.stderr
    assert "Traceback" not in result.stderr
    items = json.loads(report.read_text())["items"]
    assert [item["status"] for item in items] == ["done", "failed", "done", "failed"]
    assert items[0]["input_size"] == [16, 12]
    assert items[0]["output_size"] == [32, 24]
    assert items[0]["output"] == str(tmp_path / "out" / "a_x2.png")
    assert items[0]["model"] == "tiny-x2"
    assert items[0]["tiles"] >= 1
    assert items[1]["output"] is None
    assert str(bad) in items[1]["error"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a_x2.png", "c_x2.jpg"]


def test_deep_pictures_with_alpha_keep_both(bigpicture, make, tiny, tmp_path):
    file = make(tmp_path / "deep.png", channels=4, dtype=np.uint16)
    assert bigpicture("upscale", file, "--model", tiny).exit_code == 0
    restored = read(tmp_path / "deep_x2.png")
    assert restored.bits == 16
    assert restored.alpha is not None
    assert (restored.height, restored.width) == (24, 32)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2)])
def test_tiny_pictures_work(bigpicture, make, tiny, tmp_path, size):
    file = make(tmp_path / "dot.png", *size)
    assert bigpicture("upscale", file, "--model", tiny).exit_code == 0
    restored = read(tmp_path / "dot_x2.png")
    assert (restored.height, restored.width) == (2 * size[0], 2 * size[1])


@pytest.mark.parametrize(
    ("option", "name", "size"),
    [
        (["--size", "31x17"], "a_31x17.png", (31, 17)),
        (["--scale", "1.5"], "a_x1.5.png", (24, 18)),
        (["--width", "40"], "a_w40.png", (40, 30)),
        (["--height", "30"], "a_h30.png", (40, 30)),
    ],
)
def test_sizes_are_exact(bigpicture, make, tiny, tmp_path, option, name, size):
    assert bigpicture("upscale", make(tmp_path / "a.png"), "--model", tiny, *option).exit_code == 0
    restored = read(tmp_path / name)
    assert (restored.width, restored.height) == size


@pytest.mark.parametrize(("scale", "runs"), [("2", 1), ("2.5", 2), ("8", 3)])
def test_runs_of_the_network_are_said(bigpicture, make, tiny, tmp_path, scale, runs):
    options = ("--model", tiny, "--scale", scale, "--json", tmp_path / "r.json")
    result = bigpicture("upscale", make(tmp_path / "a.png"), *options)
    assert (f", {runs} runs of the network" in result.stdout) == (runs > 1)
    (item,) = json.loads((tmp_path / "r.json").read_text())["items"]
    assert [run["output_size"] for run in item["tiling"]] == [
        [16 * 2**n, 12 * 2**n] for n in range(1, runs + 1)
    ]


def test_resume_skips_what_is_there(bigpicture, make, tiny, tmp_path):
    make(tmp_path / "a.png")
    arguments = ("upscale", tmp_path, "--model", tiny, "--json", tmp_path / "r.json", "--resume")
    assert bigpicture(*arguments).exit_code == 0
    before = (tmp_path / "a_x2.png").stat().st_mtime_ns
    make(tmp_path / "b.png")
    assert bigpicture(*arguments).exit_code == 0
    items = json.loads((tmp_path / "r.json").read_text())["items"]
    assert [item["status"] for item in items] == ["skipped", "done"]
    assert (tmp_path / "a_x2.png").stat().st_mtime_ns == before


def test_an_input_is_never_overwritten(bigpicture, make, tiny, tmp_path):
    file = make(tmp_path / "a.png")
    before = file.read_bytes()
    assert bigpicture("upscale", file, "-o", file, "--model", tiny).exit_code == 1
    assert file.read_bytes() == before


def test_what_a_format_cannot_hold_is_said(bigpicture, make, tiny, tmp_path):
    file = make(tmp_path / "a.png", channels=4)
    report = tmp_path / "r.json"
    result = bigpicture("upscale", file, "--model", tiny, "--format", "jpg", "--json", report)
    assert result.exit_code == 0
    assert "no transparency" in result.stderr
    assert "no transparency" in json.loads(report.read_text())["items"][0]["warnings"][0]


def test_comparison_is_written(bigpicture, make, tiny, tmp_path):
    result = bigpicture("upscale", make(tmp_path / "a.png"), "--model", tiny, "--compare")
    assert result.exit_code == 0
    assert read(tmp_path / "a_x2_compare.png").height > 100


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--scale", "2", "--size", "8x8"], "--scale and --size"),
        (["--scale", "0"], "--scale 0"),
        (["--scale", "nan"], "--scale nan"),
        (["--size", "8"], "WIDTHxHEIGHT"),
        (["--tile", "some"], "--tile some"),
        (["--tile", "0"], "--tile 0"),
        (["--device", "abacus"], "abacus"),
        (["--format", "bmp"], "bmp"),
        (["--quality", "101"], "--quality"),
        (["--json", "."], "folder"),
        (["--json", f"{__file__}/r.json"], "cannot be written"),
        (["--json", "b.PNG"], "is a picture's file name; give a name for the report, such as b"),
        (["--model", "no.safetensors"], "no.safetensors"),
    ],
)
def test_wrong_requests_are_refused(bigpicture, make, tiny, tmp_path, options, reason):
    result = bigpicture("upscale", make(tmp_path / "a.png"), "--model", tiny, *options)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_result_that_its_format_cannot_hold_is_refused_before_the_work(
    bigpicture, make, tiny, tmp_path
):
    result = bigpicture(
        "upscale", make(tmp_path / "a.png"), "--model", tiny, "--size", "65501x1",
        "--format", "jpg", "--json", tmp_path / "r.json",
    )  # fmt: skip
    assert result.exit_code == 1
    (item,) = json.loads((tmp_path / "r.json").read_text())["items"]
    assert "jpeg holds 65500 pixels a side, not 65501; write PNG or TIFF" in item["error"]
    assert item["tiles"] == 0 and item["output_size"] is None


def test_misspelt_models_get_a_suggestion(bigpicture, make, tmp_path, monkeypatch, tiny):
    shutil.copy(tiny, tmp_path / "uhdn-x2.safetensors")
    shipped = {"uhdn-x2": tmp_path / "uhdn-x2.safetensors"}
    monkeypatch.setattr("bigpicture.weights.index._shipped", lambda: shipped)
    result = bigpicture("upscale", make(tmp_path / "a.png"), "--model", "uhdn-2x")
    assert result.exit_code == 2
    assert "did you mean 'uhdn-x2'?" in result.stderr


def test_the_installed_command_works(make, tiny, tmp_path):
    file = make(tmp_path / "a.png")
    installed = Path(sys.executable).with_name("bigpicture")
    command = [installed, "upscale", file, "--model", tiny, "--tile", "8"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert read(tmp_path / "a_x2.png").width == 32


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names are Unicode here")
def test_names_that_cannot_be_shown_do_not_end_a_batch(make, tiny, tmp_path):
    make(tmp_path / "a.png").rename(tmp_path / os.fsdecode(b"\xff.png"))
    make(tmp_path / "ß.png")
    installed = Path(sys.executable).with_name("bigpicture")
    done = subprocess.run(
        [installed, "upscale", tmp_path, "--model", tiny],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize(
    ("framing", "size"), [("stretch", (40, 40)), ("fit", (30, 40)), ("fill", (40, 40))]
)
def test_a_size_is_stretched_fitted_or_filled(bigpicture, make, tiny, tmp_path, framing, size):
    file = make(tmp_path / "a.png")  # 16×12
    options = ("--model", tiny, "--size", "40x40", "--framing", framing)
    assert bigpicture("upscale", file, *options).exit_code == 0
    restored = read(tmp_path / "a_40x40.png")
    assert (restored.height, restored.width) == size


def test_framing_is_about_a_size(bigpicture, make, tiny, tmp_path):
    result = bigpicture("upscale", make(tmp_path / "a.png"), "--model", tiny, "--framing", "fit")
    assert result.exit_code == 2
    assert "--framing fit: give --size too" in result.stderr
