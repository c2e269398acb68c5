"""Tar files of others: what is read of them, from them or from the cache, and what is not."""

import io
import tarfile

import numpy as np
import pytest

from bigpicture.data.arrays import mapped
from bigpicture.data.originals import PictureFile
from bigpicture.data.photographs import Shrinking, prepare
from bigpicture.data.places import find_sources
from bigpicture.data.remote import Shelf


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
        "bad.tar": whole,
    }.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError) as raised:
        prepare(find_sources(tmp_path), tmp_path / "cache", 64)
    message = str(raised.value)
    assert message.startswith("5 of 7 pictures")
    for expected in (
        "cut.tar is no tar file, or cut short",
        "none.tar is no tar file, or cut short",
        "empty.tar has no pictures in it",
        "two.tar: a has 2 pictures (png, jpg)",
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
