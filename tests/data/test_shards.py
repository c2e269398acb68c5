"""Tar files of others: what is read of them, from them or from the cache, and what is not."""

import io
import tarfile

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from bigpicture.data.arrays import mapped
from bigpicture.data.originals import PictureFile
from bigpicture.data.photographs import Shrinking, prepare
from bigpicture.data.places import find_sources
from bigpicture.data.remote import Shelf
from bigpicture.data.training import open_crops
from bigpicture.image import read


@pytest.fixture
def png(photographs):
    return (photographs / "a.png").read_bytes()


def tar_of(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def test_shards_of_others_are_read(png, photographs, tmp_path):
    files = {
        "x/1.PNG": png,
        "x/1.txt": b"a cat",
        "x/2.json": b"{}",
        "x/3.cls": b"1",
        "x/3.png": png,
    }
    (tmp_path / "here-00.tar").write_bytes(tar_of(files))
    (tmp_path / "here-01.tar").write_bytes(tar_of({"y.png": png}))
    found = prepare(find_sources(tmp_path / "here-{00..01}.tar"), tmp_path / "cache", 64)
    assert [each.name.split(": ")[1] for each in found] == ["x/1.png", "x/3.png", "y.png"]
    assert len(find_sources(tmp_path)) == 2
    assert find_sources(photographs) == [PictureFile(p) for p in sorted(photographs.iterdir())]


def test_damaged_shards_are_named(png, tmp_path):
    whole = tar_of({"1.png": png, "2.png": png[:300], "3.png": png})
    for name, content in {
        "cut.tar": whole[: len(whole) // 2],
        "none.tar": b"no tar file at all" * 100,
        "empty.tar": tar_of({"a.txt": b"text"}),
        "two.tar": tar_of({"a.png": png, "a.jpg": png}),
        "twice.tar": tar_of({"a.png": png, "a.PNG": png}),
        "bad.tar": whole,
    }.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError) as raised:
        prepare(find_sources(tmp_path), tmp_path / "cache", 64)
    message = str(raised.value)
    assert message.startswith("6 of 8 pictures")
    for expected in (
        "cut.tar is no tar file, or cut short",
        "none.tar is no tar file, or cut short",
        "empty.tar has no pictures in it",
        "two.tar: a has 2 pictures (png, jpg)",
        "twice.tar: a.PNG: duplicate file name\n",
        "bad.tar: 2.png",
    ):
        assert expected in message


@pytest.mark.parametrize("far", [False, True], ids=["here", "memory"])
def test_pictures_beside_tar_files_are_not_left_out_silently(png, tmp_path, far):
    place = f"memory://{tmp_path.name}" if far else tmp_path / "mixed"
    Shelf(str(place)).put("a.tar", [tar_of({"1.png": png})])
    assert len(find_sources(place)) == 1
    Shelf(str(place)).put("b.png", [png])
    with pytest.raises(ValueError, match=r"tar files \(a.tar\) beside image files \(b.png\)"):
        find_sources(place)


@pytest.mark.parametrize(
    ("halves", "message"),
    [
        (("high", "low"), "a.high.png without a.low.png"),
        (("low", "high"), "a.low.png without a.high.png"),
        (("low",), "a.low.png without a.high.png"),
    ],
)
def test_a_half_without_the_other_is_not_taken_for_a_picture(png, tmp_path, halves, message):
    """As `tar cf pairs.tar *.high.png *.low.png` stores them."""
    files = {f"{name}.{half}.png": png for half in halves for name in "ab"}
    (tmp_path / "pairs.tar").write_bytes(tar_of(files))
    with pytest.raises(ValueError, match=f"pairs.tar has {message} beside it; store the halves"):
        prepare(find_sources(tmp_path / "pairs.tar"), tmp_path / "cache", 64, Shrinking(1))


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize(
    ("changes", "scale"),
    [
        ({"degradation": "bd"}, 1),
        ({"degradation": "dn"}, 1),
        ({"degradation": "bsrgan"}, 1),
        ({"scales": [1, 2]}, None),
    ],
)
def test_pairs_are_not_ignored(settings, png, tmp_path, changes, scale, kept):
    """By settings that make the low-resolution crops, just as `data.low` is not."""
    place = tmp_path / "pairs.tar"
    place.write_bytes(tar_of({f"{n}.{half}.png": png for n in (1, 2) for half in ("high", "low")}))
    if kept:
        assert len(open_crops(settings(train=[place]), 1).photographs) == 2
    with pytest.raises(ValueError) as raised:
        open_crops(settings(train=[place], **changes), scale)
    (_, said) = str(raised.value).splitlines()
    assert "pairs.tar: 1.high.png comes with its low-resolution version, which needs" in said


def test_what_is_published_anew_is_fetched_anew(photographs, tmp_path, monkeypatch):
    """Even where `ukey` is a hash of the URL, as for HTTP; what a server says of a file counts."""
    info, stated = MemoryFileSystem.info, {}
    monkeypatch.setattr(MemoryFileSystem, "ukey", lambda self, path: path)
    monkeypatch.setattr(MemoryFileSystem, "info", lambda self, path: info(self, path) | stated)
    shelf, cache = Shelf(f"memory://{tmp_path.name}"), tmp_path / "cache"
    for name in ("a.png", "gray.png"):
        content, stated["ETag"] = (photographs / name).read_bytes(), name
        shelf.put("files/1.png", [content])
        shelf.put("1.tar", [tar_of({"1.png": content})])
        for place in ("files", "1.tar"):
            (found,) = prepare(find_sources(f"{shelf.place}/{place}"), cache, 64)
            high = read(photographs / name).colour
            assert np.array_equal(found.high, np.broadcast_to(high, (*high.shape[:2], 3)))


def shortened(file):
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize("damage", [shortened, lambda file: file.write_bytes(b"{")])
@pytest.mark.parametrize("which", ["*.high.npy", "*-low.high.npy", "*.json"])
def test_what_is_damaged_in_the_cache_is_read_from_the_shard_again(png, tmp_path, which, damage):
    files = {f"{n}.{half}.png": png for n in (1, 2) for half in ("high", "low")}
    (tmp_path / "a.tar").write_bytes(tar_of(files))
    cache = tmp_path / "cache"

    def pictures():
        found = prepare([*find_sources(tmp_path / "a.tar")], cache, 64, Shrinking(1))
        return [np.array(part) for each in found for part in (each.high, each.low)]

    before = pictures()
    mapped.cache_clear()  # a file that is mapped must not become shorter
    damage(sorted(cache.glob(which))[-1])
    assert len(before) == 4
    assert all(np.array_equal(a, b) for a, b in zip(before, pictures(), strict=True))


def test_an_array_that_vanishes_meanwhile_is_named(png, tmp_path):
    (tmp_path / "a.tar").write_bytes(tar_of({"1.png": png}))
    cache = tmp_path / "cache"
    prepare(find_sources(tmp_path / "a.tar"), cache, 64)
    (source,) = find_sources(tmp_path / "a.tar")
    known = list(source.originals(cache))
    with pytest.raises(ValueError, match=r"a.tar: 1.png: its array left the cache"):
        known[0].decode()
