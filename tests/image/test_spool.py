"""Pictures that lie in files are read, turned and written value by value as those in memory."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bigpicture.image import (
    ImageError,
    Metadata,
    Picture,
    Separations,
    content,
    read,
    spool,
    write,
)
from bigpicture.image.spool import Spool, bands, by_rows, let_go, spooling, unnamed_file

unix = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at open files")


@pytest.fixture
def everything_is_large(monkeypatch):
    """Nothing stays in memory, and all is done in bands of a few rows."""
    monkeypatch.setattr(spool, "LARGE", 1)
    monkeypatch.setattr(spool, "_BAND", 100)
    monkeypatch.setattr("bigpicture.image.encoders.LARGE", 1)
    monkeypatch.setattr("bigpicture.image.load._ROWS", 20)
    monkeypatch.setattr("bigpicture.image.ppm._BAND", 100)
    monkeypatch.setattr(content, "_LARGE", 1)


def unnamed_files(folder) -> int:
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(str(folder) in os.fspath(link.readlink()) for link in links)


def noise(height: int, width: int, channels: int, dtype) -> np.ndarray:
    values = np.random.default_rng(0).random((height, width, channels))
    if dtype == np.float32:
        return values.astype(dtype)
    return (values * np.iinfo(dtype).max).astype(dtype)


CASES = [
    *(("png", dtype, channels) for dtype in (np.uint8, np.uint16) for channels in (1, 2, 3, 4)),
    *(
        ("tif", dtype, channels)
        for dtype in (np.uint8, np.uint16, np.float32)
        for channels in (1, 4)
    ),
    *(("ppm", dtype, channels) for dtype in (np.uint8, np.uint16) for channels in (1, 3)),
    ("jpg", np.uint8, 3),
    ("jpg", np.uint8, 4),
    ("jpg", np.uint16, 3),
    ("ppm", np.float32, 4),
    ("webp", np.uint8, 4),
    ("avif", np.uint16, 3),
    ("gif", np.uint8, 3),
]


@pytest.mark.filterwarnings("ignore::bigpicture.image.ImageWarning")
@pytest.mark.parametrize(("suffix", "dtype", "channels"), CASES)
def test_files_are_the_same_as_without(tmp_path, request, suffix, dtype, channels):
    picture = Picture.from_array(noise(37, 23, channels, dtype))
    write(picture, tmp_path / f"memory.{suffix}")
    expected = read(tmp_path / f"memory.{suffix}")
    request.getfixturevalue("everything_is_large")
    with spooling(tmp_path / "new"):
        write(picture, tmp_path / f"disk.{suffix}")
        found = read(tmp_path / f"disk.{suffix}")
    np.testing.assert_array_equal(found.array(), expected.array())
    assert found.metadata == expected.metadata
    if suffix != "jpg":  # whose code is that of each file, or the standard's
        assert (tmp_path / f"disk.{suffix}").read_bytes() == (
            tmp_path / f"memory.{suffix}"
        ).read_bytes()


def test_inks_are_the_same_as_without(tmp_path, everything_is_large):
    inks = noise(37, 23, 5, np.uint8)
    with spooling(tmp_path):
        np.testing.assert_array_equal(Separations.from_array(inks).array(), inks)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_upright_as_without(tmp_path, request, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(noise(37, 23, 3, np.uint8))
    image.save(tmp_path / "a.tif", exif=exif)
    expected = read(tmp_path / "a.tif")
    request.getfixturevalue("everything_is_large")
    with spooling(tmp_path):
        found = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.colour, expected.colour)
    assert found.metadata == expected.metadata


@unix
def test_a_file_is_there_only_as_long_as_its_picture(tmp_path, everything_is_large):
    with spooling(tmp_path):
        array = by_rows(lambda rows: rows + 1, np.zeros((99, 99), np.uint8))
    assert (array == 1).all() and not array.flags.writeable
    assert list(tmp_path.iterdir()) == []
    part = array[50:]
    del array
    gc.collect()
    let_go(part)
    assert (part == 1).all()
    assert unnamed_files(tmp_path) == 1
    del part
    gc.collect()
    assert unnamed_files(tmp_path) == 0


@unix
def test_a_large_file_is_closed_with_its_pages(tmp_path, everything_is_large):
    write(Picture(noise(9, 9, 3, np.uint8)), tmp_path / "a.png")
    read(tmp_path / "a.png")
    gc.collect()
    assert unnamed_files(tmp_path) == 0


def test_only_what_is_large_and_inside_is_put_away(tmp_path):
    assert not Spool((2**14, 2**14), np.uint8).on_disk
    with spooling(tmp_path / "new"):
        assert not Spool((2**14 - 1, 2**14), np.uint8).on_disk
        assert not (tmp_path / "new").exists()
        assert Spool((2**14, 2**14), np.uint8).on_disk
    assert not Spool((2**14, 2**14), np.uint8).on_disk


@unix
def test_a_large_picture_takes_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "LARGE", 2**26)

    def resident() -> int:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        raise AssertionError

    rows = np.full((256, 2**14), 7, np.uint8)
    before, most = resident(), 0
    with spooling(tmp_path):
        large = Spool((2**13, 2**14), np.uint8)
        for _ in range(32):
            large.append(rows)
        array = large.array()
    for (band,) in bands(array):
        assert band.min() == 7
        most = max(most, resident())
    assert most - before < array.nbytes / 8


@unix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_an_error_that_says_how_much_is_needed(tmp_path, monkeypatch):
    full = Path("/dev/full").open("wb")  # noqa: SIM115 - the spool closes it
    monkeypatch.setattr(spool.tempfile, "TemporaryFile", lambda dir: full)
    with spooling(tmp_path):
        large = Spool((2**14, 2**15), np.uint8)
    with pytest.raises(OSError, match=r"No space left.*no room for the 0\.5 GiB.*another disk"):
        large.append(np.zeros((2**14, 2**15), np.uint8))


@unix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_disk_too_small_for_the_pixels_is_an_image_error(tmp_path, monkeypatch):
    write(Picture(noise(100, 100, 3, np.uint8)), tmp_path / "a.png")
    monkeypatch.setattr(spool, "LARGE", 1)
    full = Path("/dev/full").open("wb")  # noqa: SIM115 - the spool closes it
    monkeypatch.setattr(spool.tempfile, "TemporaryFile", lambda dir: full)
    with spooling(tmp_path), pytest.raises(ImageError, match=r"cannot read .*a\.png.*no room for"):
        read(tmp_path / "a.png")


def test_no_folder_for_temporary_files_is_said(monkeypatch):
    def nowhere(dir):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(spool.tempfile, "TemporaryFile", nowhere)
    with pytest.raises(OSError, match=r"no temporary file can be made: .*No usable"):
        unnamed_file()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_takes_no_file_is_named(tmp_path, everything_is_large):
    tmp_path.chmod(0o500)
    with spooling(tmp_path / "new"), pytest.raises(OSError, match="no temporary file can be made"):
        Spool((2, 2), np.uint8)


def test_a_large_tiff_is_a_bigtiff_with_all_that_it_says(tmp_path, monkeypatch):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8825)[1] = "N"
    block = exif.tobytes()
    metadata = Metadata(exif=block, iptc=b"\x1c\x02\x05\x00\x04name")
    picture, path = Picture(noise(40, 50, 3, np.uint16), metadata=metadata), tmp_path / "a.tif"
    write(picture, path)
    classic = read(path)
    monkeypatch.setattr("bigpicture.image.encoders.CLASSIC_END", 2**30 + picture.colour.nbytes - 1)
    write(picture, path)
    assert path.read_bytes()[:4] == b"II+\0"
    big = read(path)
    np.testing.assert_array_equal(big.colour, picture.colour)
    assert big.metadata == classic.metadata
    with Image.open(path) as image:
        assert image.getexif()[0x010F] == "Maker"
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
        assert image.getexif().get_ifd(0x8825)[1] == "N"
