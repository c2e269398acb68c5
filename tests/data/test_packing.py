"""Crops cover pictures, packs hold them, and what was interrupted comes out the same."""

import os
import sys
import tarfile
from pathlib import Path

import fsspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bigpicture.data.cutting import Input, corners, stems
from bigpicture.data.packing import Packing, begin
from bigpicture.data.packs import Cutting, read_manifest
from bigpicture.data.photographs import Shrinking, prepare
from bigpicture.data.places import find_pairs, find_sources
from bigpicture.data.remote import Shelf, locate
from bigpicture.degrade.bi import bi
from bigpicture.image import Picture, read, write

FOLDER = Cutting(crop=64, step=40, least=60)
SHARDS = FOLDER.model_copy(update={"form": "shards"})


def pack(shelf: Shelf, inputs, cutting: Cutting, resume=False) -> None:
    manifest = begin(shelf, inputs, cutting, resume=resume)
    Packing(shelf, inputs, manifest, shard_bytes=20_000, threads=2).run()


@pytest.fixture
def inputs(photographs):
    return [Input(file) for file in sorted(photographs.iterdir())]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 15), st.data())
def test_crops_cover_every_pixel_and_lie_inside(height, width, crop, data):
    step = data.draw(st.integers(1, crop))
    covered = np.zeros((height, width), int)
    for top, left in corners(height, width, Cutting(crop=crop, step=step, least=1)):
        part = covered[top : top + crop, left : left + crop]
        assert part.shape == (min(crop, height), min(crop, width))
        part += 1
    assert covered.min() >= 1


@given(st.lists(st.text(max_size=6).filter(lambda t: "/" not in t and "\0" not in t), max_size=9))
def test_no_two_pictures_share_a_name(names):
    found = list(stems([Path("x") / f"{name}.png" for name in names]))
    assert len({each.casefold() for each in found}) == len(names)
    assert not any("." in each or "/" in each or not each for each in found)


@pytest.mark.parametrize("cutting", [FOLDER, SHARDS], ids=lambda each: each.form)
@pytest.mark.parametrize("far", [False, True], ids=["here", "memory"])
def test_what_is_packed_is_what_was_cut(inputs, tmp_path, cutting, far):
    place = f"memory://{tmp_path.name}" if far else tmp_path / "pack"
    pack(Shelf(str(place)), inputs, cutting)
    crops = prepare(find_sources(place), tmp_path / "cache", 64)
    expected = []
    for given_ in inputs:
        whole = read(given_.high).at_depth(8).colour
        for top, left in corners(*whole.shape[:2], cutting):
            expected.append(np.broadcast_to(whole[top : top + 64, left : left + 64], (64, 64, 3)))
    assert len(crops) == len(expected) == sum(p.crops for p in manifest_of(place).pictures)
    for crop, pixels in zip(crops, expected, strict=True):
        assert np.array_equal(crop.high, pixels)
    # the second time, all is in the cache
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()}
    again = prepare(find_sources(place), tmp_path / "cache", 64)
    assert before == {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()}
    assert [each.name for each in again] == [each.name for each in crops]


def manifest_of(place):
    manifest = read_manifest(Shelf(str(place)))
    assert manifest is not None
    return manifest


def test_depth_stays_and_a_sample_says_where_it_is_from(inputs, tmp_path):
    pack(Shelf(str(tmp_path / "pack")), inputs, SHARDS)
    with tarfile.open(sorted((tmp_path / "pack").glob("*.tar"))[0]) as tar:
        names = tar.getnames()
    assert names[:2] == ["a_y00000_x00000.json", "a_y00000_x00000.png"]
    assert len(list((tmp_path / "pack").glob("*.tar"))) > 1
    pack(Shelf(str(tmp_path / "folder")), inputs, FOLDER)
    crop = read(tmp_path / "folder" / "deep_y00000_x00040.png").colour
    assert np.array_equal(crop, read(inputs[1].high).colour[:64, 40:104])
    assert crop.dtype == np.uint16


@pytest.mark.parametrize("cutting", [FOLDER, SHARDS], ids=lambda each: each.form)
@pytest.mark.parametrize("puts", [1, 2, 3, 9])
def test_what_was_interrupted_comes_out_as_if_it_had_not_been(
    inputs, tmp_path, cutting, puts, monkeypatch
):
    pack(Shelf(str(tmp_path / "whole")), inputs, cutting)
    cut = Shelf(str(tmp_path / "cut"))
    whole_put, left = Shelf.put, [puts]

    def put(self, name, chunks):
        left[0] -= 1
        if left[0] < 0:  # and nothing can be written from then on
            raise KeyboardInterrupt
        whole_put(self, name, chunks)

    monkeypatch.setattr(Shelf, "put", put)
    with pytest.raises(KeyboardInterrupt):
        pack(cut, inputs, cutting)
    monkeypatch.setattr(Shelf, "put", whole_put)
    (tmp_path / "cut" / ".bigpicture-0.part").touch()  # as a writer that was killed leaves it
    with pytest.raises(ValueError, match="is not complete: .* of 3 pictures"):
        find_sources(Path(cut.place))
    pack(cut, inputs, cutting, resume=True)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def contents(folder: Path):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.skipif(sys.platform != "linux", reason="where names of files are any bytes")
def test_names_that_are_long_or_no_text(inputs, tmp_path):
    content = inputs[0].high.read_bytes()
    folder = tmp_path / "named"
    folder.mkdir()
    for name in ("a" * 251, "b" * 251, "文" * 83, os.fsdecode(b"caf\xe9"), "new\nline"):
        (folder / f"{name}.png").write_bytes(content)
    files = [Input(file) for file in sorted(folder.iterdir())]
    pack(Shelf(str(tmp_path / "pack")), files, FOLDER)
    pack(Shelf(str(tmp_path / "pack")), files, FOLDER, resume=True)
    assert sum("caf\\xe9.png" in p.name for p in manifest_of(tmp_path / "pack").pictures) == 1
    assert len(list((tmp_path / "pack").glob("*.png"))) == 5 * 9
    assert len(prepare(find_sources(folder), tmp_path / "cache", 64)) == 5


def test_a_pack_that_is_complete_is_left_alone(inputs, tmp_path):
    shelf = Shelf(str(tmp_path / "pack"))
    pack(shelf, inputs, FOLDER)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "pack").iterdir()}
    pack(shelf, inputs, FOLDER, resume=True)
    assert before == {file: file.stat().st_mtime_ns for file in (tmp_path / "pack").iterdir()}


def test_other_work_is_not_mixed_in(inputs, photographs, tmp_path):
    shelf = Shelf(str(tmp_path / "pack"))
    pack(shelf, inputs, FOLDER)
    with pytest.raises(ValueError, match="exists; use --resume to go on"):
        pack(shelf, inputs, FOLDER)
    with pytest.raises(ValueError, match="begun with crop 64, step 40.* not crop 64, step 20"):
        pack(shelf, inputs, FOLDER.model_copy(update={"step": 20}), resume=True)
    with pytest.raises(
        ValueError, match="other pictures; the first that differs is .*gray.png; give another"
    ):
        pack(shelf, inputs[:2], FOLDER, resume=True)
    with pytest.raises(
        ValueError, match="begun with these pictures in another order; give another"
    ):
        pack(shelf, inputs[::-1], FOLDER, resume=True)
    write(Picture(np.zeros((90, 90, 3), np.uint8)), photographs / "a.png")
    with pytest.raises(
        ValueError, match="other pictures; the first that differs is .*a.png; give another"
    ):
        pack(shelf, inputs, FOLDER, resume=True)
    with pytest.raises(ValueError, match="is not empty; give a new folder"):
        pack(Shelf(str(photographs)), inputs, FOLDER)
    (tmp_path / "pack" / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match="none that bigpicture wrote"):
        pack(shelf, inputs, FOLDER, resume=True)


def test_bad_and_small_pictures_are_named_in_the_manifest(inputs, photographs, tmp_path):
    (photographs / "b.png").write_bytes((photographs / "a.png").read_bytes()[:400])
    write(Picture(np.zeros((59, 300, 3), np.uint8)), photographs / "c.png")
    write(Picture(np.zeros((60, 300, 3), np.uint8)), photographs / "d.png")
    files = sorted(photographs.iterdir())
    pack(Shelf(str(tmp_path / "pack")), [Input(file) for file in files], SHARDS)
    named = {Path(p.name).name: p for p in manifest_of(tmp_path / "pack").pictures}
    assert "b.png" in (named["b.png"].error or "") and named["b.png"].crops == 0
    assert named["c.png"].skipped and named["c.png"].error == (
        "it is 300×59 pixels; sides must be at least 60"
    )
    assert named["d.png"].crops == 7 and named["d.png"].error is None


@pytest.fixture
def pairs(inputs, tmp_path):
    (tmp_path / "small").mkdir()
    found = []
    for high, _ in inputs:
        found.append(Input(high, tmp_path / "small" / f"{high.stem}.png"))
        write(Picture(bi(read(high).at_depth(8).colour, 2)), found[-1].low)
    return found


PAIRS = FOLDER.model_copy(update={"scale": 2})


@pytest.mark.parametrize("form", ["folder", "shards"])
def test_pairs_stay_pairs(pairs, tmp_path, form):
    cutting = PAIRS.model_copy(update={"form": form})
    place = tmp_path / "pack"
    pack(Shelf(str(place)), pairs, cutting)
    if form == "folder":
        with pytest.raises(ValueError, match="holds pairs; name .*pack/high in data.train"):
            find_sources(place)
        sources = find_pairs(place / "high", place / "low", 2)
    else:
        sources = find_sources(place)
    crops = prepare(sources, tmp_path / "cache", 64, Shrinking(2))
    assert len(crops) == sum(p.crops for p in manifest_of(place).pictures) == 27
    for crop in crops:
        assert crop.high.shape[:2] == (64, 64) and crop.low.shape[:2] == (32, 32)
        # what was shrunk with its surroundings is, within them, what is shrunk alone
        alone = bi(np.asarray(crop.high), 2)
        assert np.array_equal(crop.low[2:-2, 2:-2], alone[2:-2, 2:-2])
    again = prepare(sources, tmp_path / "cache", 64, Shrinking(2))
    assert np.array_equal(again[5].low, crops[5].low)


def test_halves_of_a_pack_that_was_interrupted_are_not_trained_on(pairs, tmp_path):
    """`high` and `low` are what a recipe names, and the manifest lies above them."""
    pack(Shelf(str(tmp_path / "pack")), pairs, PAIRS)
    high, low = tmp_path / "pack" / "high", tmp_path / "pack" / "low"
    whole = manifest_of(tmp_path / "pack")
    halfway = whole.model_copy(update={"next": (1, 0)})
    (tmp_path / "pack" / "manifest.json").write_text(halfway.model_dump_json())
    for find in (lambda: find_pairs(high, low, 2), lambda: find_sources(high)):
        with pytest.raises(ValueError, match="pack is not complete: 1 of 3 pictures"):
            find()
    (tmp_path / "pack" / "manifest.json").write_text("{}")  # of another program
    assert len(find_pairs(high, low, 2)) == len(find_sources(high)) == 27


@pytest.mark.parametrize("half", ["high", "low"])
def test_halves_of_a_pack_without_a_crop_are_not_trained_on(pairs, tmp_path, half):
    pack(Shelf(str(tmp_path / "pack")), pairs, PAIRS)
    (tmp_path / "pack" / half / "a_y00000_x00040.png").unlink()
    with pytest.raises(ValueError, match=f"{half} has 26 crops, not 27 as .*pack/manifest.json"):
        find_pairs(tmp_path / "pack" / "high", tmp_path / "pack" / "low", 2)


@pytest.mark.parametrize("far", [False, True], ids=["here", "memory"])
def test_a_pack_with_more_or_less_than_was_packed_is_not_trained_on(inputs, tmp_path, far):
    place = f"memory://{tmp_path.name}" if far else tmp_path / "pack"
    pack(Shelf(str(place)), inputs, FOLDER)
    png = inputs[0].high.read_bytes()
    Shelf(str(place)).put("other.png", [png])
    with pytest.raises(ValueError, match="has 28 crops, not 27 as .*; pack the pictures again"):
        find_sources(place)
    with locate(place) as (system, path):
        system.rm(f"{path}/other.png")
        assert len(find_sources(place)) == 27
        system.rm(f"{path}/a_y00000_x00040.png")
    with pytest.raises(ValueError, match="has 26 crops, not 27 as"):
        find_sources(place)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": 65}, "leaves gaps between crops of 64 pixels; give at most 64"),
        ({"scale": 3}, "crop is 64; at scale 3 give a multiple"),
        ({"crop": 0}, "greater than 0"),
    ],
)
def test_cutting_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Cutting.model_validate(FOLDER.model_dump() | changes)


def test_a_shard_that_differs_from_its_manifest_is_named(inputs, tmp_path):
    pack(Shelf(str(tmp_path / "pack")), inputs, SHARDS)
    shard = tmp_path / "pack" / "000000.tar"
    shard.write_bytes(shard.read_bytes() + bytes(512))
    with pytest.raises(ValueError, match="000000.tar has .* bytes, not"):
        find_sources(tmp_path / "pack")


def test_pictures_at_a_url_are_read(inputs, tmp_path):
    system = fsspec.filesystem("memory")
    for given_ in inputs:
        system.pipe_file(f"/{tmp_path.name}/{given_.high.name}", given_.high.read_bytes())
    found = prepare(find_sources(f"memory://{tmp_path.name}"), tmp_path / "cache", 64)
    assert np.array_equal(found[0].high, read(inputs[0].high).colour)
    assert len(found) == 3


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_never_has_a_part_of_a_file(tmp_path, monkeypatch, scheme):
    shelf = Shelf(f"{scheme}{tmp_path / 'pack'}")
    shelf.put("high/a.png", [b"old"])
    (tmp_path / "pack/high/.bigpicture-0.part").touch()  # as a writer that was killed leaves it

    def fail(descriptor):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with pytest.raises(ValueError, match="no space left on device"):
            shelf.put("high/a.png", [b"new"])
    assert shelf.read("high/a.png") == b"old"
    shelf.tidy()
    assert [file.name for file in (tmp_path / "pack/high").iterdir()] == ["a.png"]
