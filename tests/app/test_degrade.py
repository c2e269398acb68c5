import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from bigpicture.degrade.bi import bi
from bigpicture.degrade.record import KINDS
from bigpicture.image import Picture, read, write, write_pages


@pytest.fixture
def photos(tmp_path):
    """A folder with two photographs, one in a folder in it."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    cat = np.ascontiguousarray(skimage.data.chelsea()[80:176, 120:240])
    write(Picture.from_array(cat), folder / "cat.png")
    write(Picture.from_array(cat[::-1].copy()), folder / "more" / "cat.png")
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_and_records_are_written_and_replay(bigpicture, photos, tmp_path, kind):
    first, again = tmp_path / "first", tmp_path / "again"
    options = ("--kind", kind, "--scale", 3, "--recursive")
    assert bigpicture("degrade", photos, "-o", first, *options).exit_code == 0
    names = {"cat.png", "cat.json", "more/cat.png", "more/cat.json"}
    found = {p.relative_to(first).as_posix() for p in first.rglob("*") if p.is_file()}
    assert found == names
    result = bigpicture("degrade", photos, "-o", again, "--records", first, "--recursive")
    assert result.exit_code == 0, result.stderr
    assert all((first / name).read_bytes() == (again / name).read_bytes() for name in names)
    content = json.loads((first / "cat.json").read_text())
    assert content["input"] == "cat.png"
    assert content["record"]["scale"] == 3
    assert content["record"]["degradation"]["kind"] == kind
    assert set(content["made_with"]) == {"bigpicture", "torch", "libvips"}


def test_what_happens_to_a_picture_depends_on_seed_and_name_alone(bigpicture, photos, tmp_path):
    def record(*arguments):
        folder = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        options = ("-o", folder, "--kind", "bsrgan", "--scale", 4)
        assert bigpicture("degrade", *arguments, *options).exit_code == 0
        return {
            path.relative_to(folder).as_posix(): json.loads(path.read_text())["record"]
            for path in folder.rglob("*.json")
        }

    both = record(photos, "--recursive")
    assert both["cat.json"] != both["more/cat.json"]
    assert record(photos / "cat.png") == {"cat.json": both["cat.json"]}
    assert record(photos / "cat.png", "--seed", 1)["cat.json"] != both["cat.json"]


def test_bicubic_is_that_of_the_benchmarks(bigpicture, photos, tmp_path):
    low = tmp_path / "low.png"
    result = bigpicture("degrade", photos / "cat.png", "-o", low, "--kind", "bi", "--scale", 4)
    assert result.exit_code == 0
    np.testing.assert_array_equal(read(low).colour, bi(read(photos / "cat.png").colour, 4))
    assert (tmp_path / "low.json").exists()


def test_one_record_for_all_pictures(bigpicture, photos, tmp_path):
    file = tmp_path / "one.json"
    record = {"scale": 2, "degradation": {"kind": "dn", "seed": 5, "sigma": 10}}
    file.write_text(json.dumps({"record": record}))
    low = tmp_path / "low"
    assert bigpicture("degrade", photos, "-o", low, "--records", file).exit_code == 0
    assert json.loads((low / "cat.json").read_text())["record"]["degradation"]["seed"] == 5


def test_another_result_than_the_recorded_is_reported(bigpicture, photos, tmp_path):
    low, report = tmp_path / "low", tmp_path / "report.json"
    options = ("--kind", "realesrgan", "--scale", 2)
    assert bigpicture("degrade", photos / "cat.png", "-o", low, *options).exit_code == 0
    shutil.copy(photos / "more" / "cat.png", photos / "cat.png")
    result = bigpicture(
        "degrade", photos / "cat.png", "-o", tmp_path / "b", "--records", low, "--json", report
    )
    assert result.exit_code == 1
    assert "differs from the recorded one" in result.stderr
    assert json.loads(report.read_text())["items"][0]["status"] == "failed"


def test_a_record_that_no_longer_holds_stays_as_evidence(bigpicture, photos, tmp_path):
    low = tmp_path / "low"
    options = ("--kind", "realesrgan", "--scale", 2)
    assert bigpicture("degrade", photos / "cat.png", "-o", low, *options).exit_code == 0
    before = {file.name: file.read_bytes() for file in low.iterdir()}
    shutil.copy(photos / "more" / "cat.png", photos / "cat.png")
    for _ in range(2):
        result = bigpicture("degrade", photos / "cat.png", "-o", low, "--records", low)
        assert result.exit_code == 1
        assert "differs from the recorded one" in result.stderr
        assert "cat.json is kept" in result.stderr
        assert {file.name: file.read_bytes() for file in low.iterdir()} == before


def test_what_is_no_record_is_not_replaced(bigpicture, photos):
    (photos / "cat.json").write_text('{"label": "cat"}')
    before = (photos / "cat.png").read_bytes()
    shutil.move(photos / "cat.png", photos / "cat.tif")
    options = ("--kind", "bi", "--scale", 2, "-o", photos)
    result = bigpicture("degrade", photos / "cat.tif", *options)
    assert result.exit_code == 1
    assert "it is not a record, so it is not replaced" in result.stderr
    assert (photos / "cat.json").read_text() == '{"label": "cat"}'
    assert (photos / "cat.tif").read_bytes() == before
    assert not (photos / "cat.png").exists()


def test_one_written_record_is_checked_for_its_own_picture_alone(bigpicture, photos, tmp_path):
    low = tmp_path / "low"
    options = ("--kind", "bsrgan", "--scale", 2)
    assert bigpicture("degrade", photos / "cat.png", "-o", low, *options).exit_code == 0
    shutil.copy(photos / "more" / "cat.png", photos / "dog.png")
    both = (photos / "cat.png", photos / "dog.png")
    again = bigpicture("degrade", *both, "-o", tmp_path / "b", "--records", low / "cat.json")
    assert again.exit_code == 0, again.output
    assert (low / "cat.png").read_bytes() == (tmp_path / "b" / "cat.png").read_bytes()


def test_a_bad_file_is_reported_and_the_others_are_done(bigpicture, photos, tmp_path):
    (photos / "bad.png").write_bytes(b"no picture")
    low = tmp_path / "low"
    result = bigpicture("degrade", photos, "-o", low, "--kind", "bd", "--scale", 3)
    assert result.exit_code == 1
    assert "bad.png" in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in low.iterdir()) == ["cat.json", "cat.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="where names of files are any bytes")
def test_names_that_are_no_text(bigpicture, photos, tmp_path):
    for name in (os.fsdecode(b"caf\xe9.png"), "new\nline\x1b[31m.png"):
        shutil.copy(photos / "cat.png", photos / name)
    low = tmp_path / "low"
    result = bigpicture("degrade", photos, "-o", low, "--kind", "dn", "--scale", 3)
    assert result.exit_code == 0, result.stderr
    assert len(list(low.glob("*.png"))) == 3
    assert "caf\\xe9.png" in result.stdout and "new\\nline\\x1b[31m.png" in result.stdout


def test_a_record_beyond_all_bounds_does_not_end_the_others(bigpicture, photos, tmp_path):
    records = tmp_path / "records"
    (records / "more").mkdir(parents=True)
    steps = [{"kind": "resize", "method": "area", "ratio": 1e308}]
    huge = {"scale": 2, "degradation": {"kind": "bsrgan", "steps": steps}}
    (records / "cat.json").write_text(json.dumps({"record": huge}))
    fine = {"scale": 2, "degradation": {"kind": "bi"}}
    (records / "more" / "cat.json").write_text(json.dumps({"record": fine}))
    arguments = ("degrade", photos, "--recursive", "-o", tmp_path / "low", "--records", records)
    result = bigpicture(*arguments)
    assert result.exit_code == 1
    assert "cannot convert float infinity" in result.stderr
    assert (tmp_path / "low" / "more" / "cat.png").exists()


def test_missing_and_broken_records_are_reported(bigpicture, photos, tmp_path):
    records = tmp_path / "records"
    records.mkdir()
    arguments = ("degrade", photos / "cat.png", "-o", tmp_path / "low", "--records", records)
    assert "there is no record" in bigpicture(*arguments).stderr
    (records / "cat.json").write_text("{}")
    assert "it has no key 'record'" in bigpicture(*arguments).stderr
    (records / "cat.json").write_text('{"record": {"scale": 2}}')
    assert "no record of a degradation" in bigpicture(*arguments).stderr


@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint8), (4, np.uint8), (3, np.uint16)])
@pytest.mark.parametrize("kind", ["bi", "dn", "realesrgan"])
def test_other_kinds_of_pictures(bigpicture, make, tmp_path, channels, dtype, kind):
    file = make(tmp_path / "a.png", 24, 32, channels, dtype)
    low = tmp_path / "low"
    assert bigpicture("degrade", file, "-o", low, "--kind", kind, "--scale", 2).exit_code == 0
    small = read(low / "a.png")
    assert (small.height, small.width, small.alpha) == (12, 16, None)
    assert small.is_gray == (channels == 1)
    assert small.bits == (16 if dtype == np.uint16 and kind != "realesrgan" else 8)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "--kind and --scale are needed"),
        (["--kind", "bi"], "--kind and --scale are needed"),
        (["--kind", "bi", "--scale", "0.5"], "scale is 0.5"),
        (["--kind", "bi", "--scale", "nan"], "scale is nan"),
        (["--kind", "bi", "--scale", "inf"], "scale is inf"),
        (["--kind", "bicubic", "--scale", "2"], "bicubic"),
        (["--kind", "bsrgan", "--scale", "2", "--webp", "2"], "webp is 2"),
        (["--kind", "dn", "--scale", "2", "--webp", "1"], "--webp 1: dn compresses nothing"),
        (["--records", "nowhere"], "there is no such file"),
        (["--records", ".", "--webp", "0.5"], "says what to do"),
        (["--records", ".", "--scale", "2"], "leave out --scale"),
    ],
)
def test_wrong_requests_are_refused(bigpicture, photos, tmp_path, options, reason):
    result = bigpicture("degrade", photos, "-o", tmp_path / "low", *options)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "low").exists()


def test_nobody_s_picture_is_replaced(bigpicture, photos):
    write(read(photos / "cat.png"), photos / "dog.jpg")
    shutil.copy(photos / "more" / "cat.png", photos / "dog.png")  # another dog
    before = (photos / "dog.png").read_bytes()
    command = ("degrade", photos / "dog.jpg", "-o", photos, "--kind", "bi", "--scale", 2)
    result = bigpicture(*command)
    assert result.exit_code == 1
    assert "dog.png exists and has no record dog.json beside it, so it is not repl" in result.stderr
    assert (photos / "dog.png").read_bytes() == before
    assert not (photos / "dog.json").exists()
    (photos / "dog.png").unlink()
    for _ in range(2):  # its own results it does replace
        assert bigpicture(*command).exit_code == 0


def test_a_record_that_may_not_be_read_is_named(bigpicture, photos, tmp_path, monkeypatch):
    file = tmp_path / "one.json"
    file.touch()

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Path, "read_text", refuse)
    result = bigpicture("degrade", photos, "-o", tmp_path / "low", "--records", file)
    assert result.exit_code == 2
    assert f"--records {file} cannot be read: Permission denied" in result.stderr


def test_records_nested_beyond_measure(bigpicture, photos, tmp_path):
    file = tmp_path / "one.json"
    file.write_text("[" * 10**5)
    result = bigpicture("degrade", photos, "-o", tmp_path / "low", "--records", file)
    assert result.exit_code == 2
    assert f"{file}: " in result.stderr


def test_a_report_never_takes_the_place_of_a_record(bigpicture, photos, tmp_path):
    low = tmp_path / "low"
    command = ("degrade", photos, "-o", low, "--kind", "bi", "--scale", 2)
    result = bigpicture(*command, "--json", low / "cat.json")
    assert result.exit_code == 2
    assert "cat.json is the record of a picture" in result.stderr


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_done_when_it_is_stopped_is_reported(
    bigpicture, photos, tmp_path, monkeypatch, number
):
    low, report, seen = tmp_path / "low", tmp_path / "report.json", []

    def reading(path):
        seen.append(path)
        if len(seen) == 2:
            signal.raise_signal(number)
        return read(path)

    monkeypatch.setattr("bigpicture.image.read", reading)
    options = ("--kind", "bi", "--scale", 2, "--json", report)
    result = bigpicture("degrade", photos, "--recursive", "-o", low, *options)
    assert result.exit_code == 128 + number
    assert "stopped: 1 done of 2" in result.stderr
    told = json.loads(report.read_text())
    assert told["stopped"] == 128 + number
    assert [item["status"] for item in told["items"]] == ["done"]
    assert sorted(path.name for path in low.iterdir()) == ["cat.json", "cat.png"]


def test_what_is_left_out_is_said(bigpicture, photos, tmp_path):
    cat = read(photos / "cat.png").colour
    clear = np.full((*cat.shape[:2], 1), 255, np.uint8)
    write(Picture.from_array(np.dstack([cat, clear])), photos / "opaque.png")
    write(Picture.from_array(np.dstack([cat, clear // 2])), photos / "glass.png")
    write_pages([Picture.from_array(cat)] * 2, photos / "pages.tif")
    low, report = tmp_path / "low", tmp_path / "report.json"
    options = ("--kind", "bi", "--scale", 2, "--json", report)
    result = bigpicture("degrade", photos, "-o", low, *options)
    assert result.exit_code == 0, result.output
    told = {Path(i["input"]).name: i["warnings"] for i in json.loads(report.read_text())["items"]}
    assert told["cat.png"] == told["opaque.png"] == []
    assert told["glass.png"] == [
        "its transparency is left out; the result has the colours under it"
    ]
    (of_pages,) = told["pages.tif"]
    assert of_pages.endswith("has 2 pages, of which only the first is taken")
    assert result.stderr.splitlines() == [
        f"warning  {low / 'glass.png'}: {told['glass.png'][0]}",
        f"warning  {low / 'pages.png'}: {of_pages}",
    ]
