import json

import pytest

from bigpicture.image import read, write_pages


@pytest.fixture
def scans(make, tmp_path):
    for name, height, width in [("a.png", 60, 70), ("b.tif", 50, 50), ("small.png", 20, 90)]:
        make(tmp_path / "scans" / name, height, width)
    return tmp_path / "scans"


def test_crops_and_what_became_of_each_picture(bigpicture, scans, tmp_path):
    out, report = tmp_path / "pack", tmp_path / "report.json"
    result = bigpicture(
        "data", "prepare", scans, "--out", out, "--crop", 32, "--step", 20, "--json", report
    )
    assert result.exit_code == 0, result.output
    assert "13 crops of 2 pictures" in result.stdout
    crop = read(out / "a_y00020_x00038.png").colour
    assert (crop == read(scans / "a.png").colour[20:52, 38:70]).all()
    told = json.loads(report.read_text())
    assert [(i["status"], i["crops"]) for i in told["items"]] == [
        ("done", 9),
        ("done", 4),
        ("skipped", 0),
    ]
    assert sum(i["crops"] for i in told["items"]) == len(list(out.glob("*.png"))) == 13
    assert "90×20 pixels" in told["items"][2]["error"]


def test_one_bad_picture_does_not_end_the_others(bigpicture, scans, tmp_path):
    (scans / "bad.png").write_bytes(b"no picture")
    report = tmp_path / "report.json"
    result = bigpicture(
        "data", "prepare", scans, tmp_path / "gone.png", "-o", tmp_path / "pack", "--crop", 32,
        "--step", 15, "--shards", "--json", report,
    )  # fmt: skip
    assert result.exit_code == 1
    assert "bad.png" in result.stderr and "gone.png" in result.stderr
    told = json.loads(report.read_text())
    assert [i["status"] for i in told["items"]] == ["done", "done", "failed", "skipped", "failed"]
    assert told["complete"] and told["shards"][0]["crops"] == 21


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--crop", "32", "--step", "40"], "leaves gaps"),
        (["--crop", "0"], "crop = 0"),
        (["--low", "low"], "--low and --scale go together"),
        (["--shard-size", "0"], "--shard-size 0"),
        (["--low", "nowhere", "--scale", "2"], "nowhere is no folder"),
    ],
)
def test_wrong_requests_are_refused(bigpicture, scans, tmp_path, arguments, reason):
    result = bigpicture("data", "prepare", scans, "-o", tmp_path / "pack", *arguments)
    assert result.exit_code == 2, result.output
    assert reason in result.stderr
    assert not (tmp_path / "pack").exists()


def test_work_that_is_there_is_gone_on_with_only_when_asked(bigpicture, scans, tmp_path):
    command = ("data", "prepare", scans, "-o", tmp_path / "pack", "--crop", 32)
    assert bigpicture(*command).exit_code == 0
    again = bigpicture(*command)
    assert again.exit_code == 2 and "use --resume" in again.stderr
    assert bigpicture(*command, "--resume").exit_code == 0


@pytest.mark.parametrize("form", ["folder", "shards"])
def test_crops_of_a_pack_inside_of_its_input_are_no_inputs(bigpicture, scans, tmp_path, form):
    shards = ["--shards"] if form == "shards" else []
    command = ("data", "prepare", scans, "--recursive", "--crop", 32, *shards)
    assert bigpicture(*command, "-o", tmp_path / "apart").exit_code == 0
    inside = (*command, "-o", scans / "pack")
    assert bigpicture(*inside).exit_code == 0
    again = bigpicture(*inside, "--resume")
    assert again.exit_code == 0, again.output
    apart = {file.name: file.read_bytes() for file in (tmp_path / "apart").iterdir()}
    assert {file.name: file.read_bytes() for file in (scans / "pack").iterdir()} == apart


def test_pictures_all_in_the_pack_s_own_folder(bigpicture, scans):
    result = bigpicture("data", "prepare", scans, "-o", scans)
    assert result.exit_code == 2
    assert "there are no pictures outside of --out" in result.stderr


def test_what_is_left_out_of_a_picture_is_said_once(bigpicture, scans, tmp_path):
    write_pages([read(scans / "a.png")] * 2, scans / "pages.tif")
    result = bigpicture("data", "prepare", scans, "-o", tmp_path / "pack", "--crop", 32)
    assert result.exit_code == 0, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("warning  ")
    assert line.endswith("pages.tif' (TIFF) has 2 pages, of which only the first is taken")
