"""Batches that are killed, stopped, resumed, or run out of room; and what their reports say."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from bigpicture import load
from bigpicture.app.compare import compare
from bigpicture.image import Metadata, Picture, Separations, read, read_pages, write, write_pages
from bigpicture.image.profile import space_of

# Loads all that takes time, then forks: each child is a command that can be killed at once, after
# three results, in the midst of the next. It makes no more than six, however late that comes.
FORKS = """
import os, random, signal, sys, time
from bigpicture.app import batch, cli, restore
rounds, folder, arguments = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
chance = random.Random(0)
begun, compute = [], restore.Restoring.compute
def some(*given):
    begun.append(given)
    if len(begun) > 6:
        time.sleep(100)
    return compute(*given)
restore.Restoring.compute = some
def results():
    return sum(not name.startswith(".") for name in os.listdir(folder))
for turn in range(rounds):
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.argv = ["bigpicture", *arguments]
        try:
            cli.main()
        except SystemExit as end:
            sys.stdout.flush()
            os._exit(end.code or 0)
    before = results()
    while results() < before + 3 and os.waitpid(child, os.WNOHANG) == (0, 0):
        time.sleep(0.001)
    time.sleep(chance.random() * 0.05)
    os.kill(child, getattr(signal, "SIGKILL" if rounds > 1 else "SIGINT"))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print("status", status, len(os.listdir(folder)))
"""
unix = pytest.mark.skipif(sys.platform == "win32", reason="forks and sends signals")


def profile(name: str) -> bytes:
    return pyvips.Operation.call("profile_load", name)


@pytest.fixture
def forked(alone):
    """Run the command in forks that are ended, and tell how each did."""

    def run(rounds: int, folder: Path, *arguments: object) -> list[str]:
        folder.mkdir(exist_ok=True)
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        printed = alone("-c", FORKS, rounds, folder, *arguments, timeout=120, env=environment)
        return [line for line in printed.splitlines() if line.startswith("status")]

    return run


@unix
def test_a_batch_that_is_killed_leaves_whole_files_and_is_gone_on_with(
    bigpicture, forked, make, tiny, tmp_path
):
    for number in range(40):
        make(tmp_path / "in" / f"{number:02}.png", 90, 120)
    out = tmp_path / "out"
    arguments = ("upscale", tmp_path / "in", "-o", out, "--model", tiny, "--resume")
    rounds = forked(5, out, *arguments)
    assert [line.split()[1] for line in rounds] == ["-9"] * 5
    there = sorted(path for path in out.iterdir() if not path.name.startswith("."))
    assert 15 <= len(there) <= 30
    times = {path: path.stat().st_mtime_ns for path in there}
    result = bigpicture(*arguments, "--json", tmp_path / "r.json")
    assert result.exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == [f"{n:02}_x2.png" for n in range(40)]
    for path in out.iterdir():  # also those that the killed ones wrote
        assert read(path).width == 240
        assert times.get(path, path.stat().st_mtime_ns) == path.stat().st_mtime_ns
    statuses = [item["status"] for item in json.loads((tmp_path / "r.json").read_text())["items"]]
    assert statuses.count("skipped") == len(there)
    assert statuses.count("done") == 40 - len(there)


@unix
def test_ctrl_c_ends_a_batch_with_a_report_and_no_half_file(
    bigpicture, forked, make, tiny, tmp_path
):
    for number in range(40):
        make(tmp_path / "in" / f"{number:02}.png", 90, 120)
    out, report = tmp_path / "out", tmp_path / "r.json"
    arguments = ("upscale", tmp_path / "in", "-o", out, "--model", tiny)
    (line,) = forked(1, out, *arguments, "--json", report)
    assert line.split()[1] == "130"
    found = json.loads(report.read_text())
    assert found["stopped"] == 130
    assert {item["status"] for item in found["items"]} == {"done"}
    assert 3 <= len(found["items"]) <= 6
    names = {Path(item["output"]).name for item in found["items"]}
    assert {path.name for path in out.iterdir()} == names
    assert all(read(path).width == 240 for path in out.iterdir())
    assert bigpicture(*arguments, "--resume").exit_code == 0
    assert len(list(out.iterdir())) == 40


def test_a_result_that_is_no_image_is_made_again(bigpicture, make, tiny, tmp_path):
    make(tmp_path / "a.png")
    (tmp_path / "a_x2.png").touch()  # such as a copy leaves that was interrupted
    result = bigpicture("upscale", tmp_path / "a.png", "--model", tiny, "--resume")
    assert result.exit_code == 0
    assert "done" in result.stdout
    assert read(tmp_path / "a_x2.png").width == 32


def test_the_report_says_what_was_done(bigpicture, make, tiny, tmp_path):
    make(tmp_path / "a.png", 20, 30)
    report = tmp_path / "deep" / "r.json"
    options = ("--model", tiny, "--json", report, "--tile", "16", "--halo", "4", "--match-low")
    assert bigpicture("upscale", tmp_path / "a.png", *options).exit_code == 0
    found = json.loads(report.read_text())
    assert found["stopped"] is None
    assert 0 < found["computing"] <= found["seconds"]
    (item,) = found["items"]
    assert (item["status"], item["error"], item["warnings"]) == ("done", None, [])
    assert (item["input_size"], item["output_size"], item["pages"]) == ([30, 20], [60, 40], 1)
    (run,) = item["tiling"]
    assert (run["input_size"], run["output_size"]) == ([30, 20], [60, 40])
    assert (run["tile"], run["halo"], run["context"]) == (16, 4, "shared")
    assert item["tiles"] == run["tiles"] > 1
    assert item["seconds"] > 0
    assert item["peak_memory"] is None or 2**20 < item["peak_memory"] < 2**36
    assert item["peak_device_memory"] is None
    assert item["drift"]


def test_failures_keep_what_was_known(bigpicture, make, tiny, tmp_path, monkeypatch):
    make(tmp_path / "a.png", 20, 30)
    make(tmp_path / "b.png", 20, 30)
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    result = bigpicture("upscale", tmp_path, "--model", tiny, "--json", tmp_path / "r.json")
    assert result.exit_code == 1
    items = json.loads((tmp_path / "r.json").read_text())["items"]
    assert sorted(item["status"] for item in items) == ["done", "failed"]
    (failed,) = (item for item in items if item["status"] == "failed")
    assert "No space left on device" in failed["error"]
    assert failed["output"] is None and failed["input_size"] == [30, 20]
    assert len(list(tmp_path.iterdir())) == 4  # no part of the one that failed


@pytest.mark.skipif(sys.platform == "win32", reason="limits are those of Unix")
def test_files_that_have_no_room_fail_alone(bigpicture, make, tiny, tmp_path):
    import resource

    make(tmp_path / "in" / "large.png", 200, 200)
    make(tmp_path / "in" / "small.png", 4, 4)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        result = bigpicture("upscale", tmp_path / "in", "-o", tmp_path / "out", "--model", tiny)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert result.exit_code == 1
    assert "large.png" in result.stderr and "too large" in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["small_x2.png"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_report_that_cannot_be_written_is_said(bigpicture, make, tiny, tmp_path):
    make(tmp_path / "a.png")
    result = bigpicture("upscale", tmp_path / "a.png", "--model", tiny, "--json", "/dev/full")
    assert result.exit_code == 1
    assert "/dev/full cannot be written" in result.stderr
    assert (tmp_path / "a_x2.png").exists()


def test_a_report_never_takes_the_place_of_a_picture(bigpicture, make, tiny, tmp_path):
    file = make(tmp_path / "a.png")
    before = file.read_bytes()
    for report in (file, tmp_path / "a_x2.png"):
        result = bigpicture("upscale", file, "--model", tiny, "--json", report)
        assert result.exit_code == 2
        assert "is a picture" in result.stderr
    assert file.read_bytes() == before


def test_what_is_replaced_and_what_is_left_out_are_said(bigpicture, make, tiny, tmp_path):
    folder, report = tmp_path / "in", tmp_path / "r.json"
    make(folder / "a.png")
    own = make(folder / "a_x2.png", 5, 5)  # somebody's, for all that is known
    command = ("upscale", folder, "--model", tiny, "--json", report)
    assert bigpicture(*command, "--resume").exit_code == 0
    assert read(own).width == 5
    result = bigpicture(*command, "--compare")
    assert result.exit_code == 0
    assert read(own).width == 32
    assert "left out as earlier results: a_x2.png; to enlarge one, give its name" in result.stderr
    written = json.loads(report.read_text())
    assert written["left_out"] == [str(own)]
    (item,) = written["items"]
    assert item["warnings"] == ["replaced the existing a_x2.png; --resume keeps existing results"]
    assert f"{own}: replaced the existing a_x2.png" in result.stderr
    # other options, the same pictures
    assert bigpicture(*command, "--scale", "4").exit_code == 0
    written = json.loads(report.read_text())
    assert [item["input"] for item in written["items"]] == [str(folder / "a.png")]
    assert [item["warnings"] for item in written["items"]] == [[]]
    assert len(written["left_out"]) == 2


def test_lists_and_patterns_keep_the_tree(bigpicture, make, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "in" / "one" / "a.png")
    make(tmp_path / "in" / "two" / "a.png")
    result = bigpicture("upscale", "in/**/*.png", "-o", "out", "--model", tiny)
    assert result.exit_code == 0
    assert (tmp_path / "out" / "one" / "a_x2.png").exists()
    from typer.testing import CliRunner

    from bigpicture.app.cli import app

    command = ["upscale", "-", "-o", "list", "--model", tiny]
    result = CliRunner().invoke(app, command, input="in/one/a.png\nin/two/a.png\n")
    assert result.exit_code == 0
    assert (tmp_path / "list" / "in" / "two" / "a_x2.png").exists()


FRAMES = [np.full((9, 12, 3), value, np.uint8) for value in (20, 120, 220)]


def animation(path: Path) -> Path:
    images = [Image.fromarray(frame) for frame in FRAMES]
    images[0].save(path, save_all=True, append_images=images[1:], duration=[50, 60, 70], loop=2)
    return path


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animations_keep_their_frames_if_asked(bigpicture, tiny, tmp_path, suffix):
    file, report = animation(tmp_path / f"a{suffix}"), tmp_path / "r.json"
    result = bigpicture("upscale", file, "--model", tiny, "--all-pages", "--json", report)
    assert result.exit_code == 0
    pages = read_pages(tmp_path / f"a_x2{suffix}")
    assert (len(pages), pages.delays) == (3, (50, 60, 70))
    assert pages.loop == read_pages(file).loop
    model = load(tiny)
    for page, frame in zip(pages, FRAMES, strict=True):
        assert np.abs(page.colour.mean((0, 1)) - model.upscale(frame).mean((0, 1))).max() < 4
    (item,) = json.loads(report.read_text())["items"]
    assert item["pages"] == 3 and item["tiles"] == 3 and item["warnings"] == []


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".tif"])
def test_the_first_page_is_taken_with_a_warning(bigpicture, tiny, tmp_path, suffix):
    file = animation(tmp_path / f"a{suffix}") if suffix != ".tif" else tmp_path / "a.tif"
    if suffix == ".tif":
        write_pages([Picture(frame) for frame in FRAMES], file)
    result = bigpicture("upscale", file, "--model", tiny)
    assert result.exit_code == 0
    assert "of which only the first is taken; --all-pages takes all" in result.stderr
    expected = {".gif": ".png"}.get(suffix, suffix)  # no still is made a GIF
    assert len(read_pages(tmp_path / f"a_x2{expected}")) == 1


def test_pages_of_a_tiff_stay_each_as_it_is(bigpicture, tiny, tmp_path):
    pages = [
        Picture(np.full((5, 7, 1), 40_000, np.uint16)),
        Picture.from_array(np.full((9, 4, 4), 99, np.uint8)),
    ]
    write_pages(pages, tmp_path / "a.tif")
    assert bigpicture("upscale", tmp_path / "a.tif", "--model", tiny, "--all-pages").exit_code == 0
    found = list(read_pages(tmp_path / "a_x2.tif"))
    assert [(p.width, p.height, p.bits) for p in found] == [(14, 10, 16), (8, 18, 8)]
    assert found[0].is_gray and (found[1].alpha == 99).all()


def test_drift_is_that_of_all_pages(bigpicture, tiny, tmp_path):
    chance = np.random.default_rng(0)
    noise = chance.integers(0, 256, (9, 12, 3), dtype=np.uint8)
    drifts = []
    for frames in ([FRAMES[1]], [noise], [FRAMES[1], noise]):
        write_pages([Picture(frame) for frame in frames], tmp_path / "a.tif")
        report = tmp_path / f"{len(drifts)}.json"
        options = ("--match-low", "--all-pages", "--json", report)
        assert bigpicture("upscale", tmp_path / "a.tif", "--model", tiny, *options).exit_code == 0
        drifts.append(json.loads(report.read_text())["items"][0]["drift"])
    even, own, both = drifts
    assert own["max_before"] > even["max_before"]
    assert both == {name: max(even[name], own[name]) for name in own}


def test_pages_that_a_format_cannot_hold_are_refused(bigpicture, tiny, tmp_path):
    file = animation(tmp_path / "a.gif")
    result = bigpicture("upscale", file, "--model", tiny, "--all-pages", "--format", "png")
    assert result.exit_code == 1
    assert "png holds one picture" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_black_ink_stays_black_ink(bigpicture, tiny, tmp_path):
    inks = np.zeros((12, 16, 4), np.uint8)
    inks[4:8, :, 3] = 255
    write(Separations.from_array(inks, Metadata(icc=profile("cmyk"))), tmp_path / "a.tif")
    assert bigpicture("upscale", tmp_path / "a.tif", "--model", tiny).exit_code == 0
    (found,) = read_pages(tmp_path / "a_x2.tif", keep_cmyk=True)
    assert isinstance(found, Separations)
    assert found.array().shape == (24, 32, 4)
    assert found.metadata.icc == profile("cmyk")


def test_colours_are_kept_or_become_srgb(bigpicture, tiny, tmp_path):
    red = np.zeros((8, 8, 3), np.uint16)
    red[..., 0] = 65535
    write(Picture(red, metadata=Metadata(icc=profile("p3"))), tmp_path / "a.png")
    options = ("--model", tiny)
    assert bigpicture("upscale", tmp_path / "a.png", *options).exit_code == 0
    assert read(tmp_path / "a_x2.png").metadata.icc == profile("p3")
    result = bigpicture("upscale", tmp_path / "a.png", *options, "--colour", "srgb")
    assert result.exit_code == 0
    converted = read(tmp_path / "a_x2.png")
    assert converted.bits == 16
    assert space_of(converted.metadata.icc) == "RGB"
    assert converted.metadata.icc != profile("p3")


def test_names_of_any_bytes_are_done_and_told_in_one_line(bigpicture, make, tiny, tmp_path):
    names = [b"two words.png", b"new\nline.png", b"\x1b[31mred.png", b"a[1].png"]
    if sys.platform == "linux":
        names.append(b"latin\xe9.png")
    for name in names:
        make(tmp_path / "a.tmp.png").rename(tmp_path / os.fsdecode(name))
    report = tmp_path / "r.json"
    result = bigpicture("upscale", tmp_path, "--model", tiny, "--json", report)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == len(names) + 1
    assert "\x1b" not in result.stdout
    items = json.loads(report.read_text())["items"]
    assert {os.fsencode(Path(item["input"]).name) for item in items} == set(names)
    assert all(read(item["output"]).width == 32 for item in items)


@pytest.mark.parametrize("suffix", [".gif", ".tif"])
def test_of_several_pages_the_first_is_compared(bigpicture, tiny, tmp_path, suffix):
    file, report = tmp_path / f"a{suffix}", tmp_path / "r.json"
    write_pages([Picture(frame) for frame in FRAMES], file)
    arguments = ("upscale", file, "--model", tiny, "--all-pages", "--compare", "--json", report)
    assert bigpicture(*arguments).exit_code == 0
    (item,) = json.loads(report.read_text())["items"]
    assert item["compare"] == str(tmp_path / "a_x2_compare.png")
    first = next(iter(read_pages(file)))
    expected = compare(first, load(tiny).upscale(first), "tiny-x2")
    assert np.array_equal(read(item["compare"]).colour, expected.colour)
    assert bigpicture(*arguments, "--resume").exit_code == 0
    (item,) = json.loads(report.read_text())["items"]
    assert item["status"] == "skipped"


def test_a_result_is_reported_though_its_comparison_failed(
    bigpicture, make, tiny, tmp_path, monkeypatch
):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr("bigpicture.app.restore.compare", fail)
    options = ("--model", tiny, "--compare", "--json", tmp_path / "r.json")
    assert bigpicture("upscale", make(tmp_path / "a.png"), *options).exit_code == 1
    (item,) = json.loads((tmp_path / "r.json").read_text())["items"]
    assert (item["status"], item["error"], item["compare"]) == ("failed", "MemoryError", None)
    assert item["output"] == str(tmp_path / "a_x2.png") and read(item["output"]).width == 32


def test_results_that_cannot_be_written_are_not_computed(
    bigpicture, make, tiny, tmp_path, monkeypatch
):
    make(tmp_path / "in" / "a.png")
    make(tmp_path / "in" / "b.png")
    (tmp_path / "in" / "b_x2.png").mkdir()
    monkeypatch.setattr("bigpicture.app.restore.Restoring.compute", None)  # is not come to
    options = ("-o", tmp_path / "in" / "a.png" / "deep", "--json", tmp_path / "r.json")
    result = bigpicture("upscale", tmp_path / "in" / "b.png", "--model", tiny, *options)
    assert result.exit_code == 1
    (item,) = json.loads((tmp_path / "r.json").read_text())["items"]
    assert f"cannot be written: {tmp_path / 'in' / 'a.png'} is in the way" in item["error"]
    result = bigpicture("upscale", tmp_path / "in" / "b.png", "--model", tiny)
    assert f"cannot be written: {tmp_path / 'in' / 'b_x2.png'} is in the way" in result.stderr
