"""Every format, depth and channel count, value by value, with Pillow as the outside reader."""

import io
import os
import re
import sys
from contextlib import nullcontext

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from bigpicture.image import (
    FORMATS,
    ImageError,
    ImageWarning,
    Metadata,
    Picture,
    decode,
    encode,
    quantise,
    read,
    to_float,
    write,
)
from bigpicture.image.colour import narrow, widen
from bigpicture.image.encoders import ENCODERS
from bigpicture.image.formats import LARGEST_SIDE

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>'
IPTC = b"\x1c\x02\x05\x00\x04name\x1c\x02\x50\x00\x06author"
DPI_300 = (300 / 25.4, 300 / 25.4)


def exif_block() -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x8298] = "Maker", 6, "(c) somebody"
    exposure = exif.get_ifd(0x8769)
    exposure[0x9003], exposure[0xA002], exposure[0xA003] = "2020:01:02 03:04:05", 9, 9
    exposure[0x829A], exposure[0x927C] = 1 / 250, b"maker's note"
    exif.get_ifd(0x8825)[1], exif.get_ifd(0x8825)[2] = "N", (48.0, 51.0, 24.5)
    return exif.tobytes()


def noise(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    values = np.random.default_rng(len(shape) + shape[-1]).random(shape, np.float32)
    return quantise(values, {"uint8": 8, "uint16": 16, "float32": 32}[dtype])


def smooth(channels: int, dtype: str) -> np.ndarray:
    rows, columns = np.mgrid[:32, :48] / 48
    planes = [rows, columns, 1 - rows, 0.2 + 0.8 * columns]
    picked = planes[:1] + planes[3:] if channels == 2 else planes[:channels]
    return quantise(np.stack(picked, 2).astype(np.float32), {"uint8": 8, "uint16": 16}[dtype])


LOSSLESS = [
    *(("png", dtype, channels) for dtype in ("uint8", "uint16") for channels in (1, 2, 3, 4)),
    *(
        ("tiff", dtype, channels)
        for dtype in ("uint8", "uint16", "float32")
        for channels in (1, 2, 3, 4)
    ),
    *(("ppm", dtype, channels) for dtype in ("uint8", "uint16") for channels in (1, 3)),
    *((format, "uint8", channels) for format in ("webp", "avif") for channels in (3, 4)),
]


@pytest.mark.parametrize(("format", "dtype", "channels"), LOSSLESS)
@pytest.mark.parametrize("size", [(1, 1), (13, 7)])
def test_lossless_formats_return_every_value(format, dtype, channels, size):
    picture = Picture.from_array(noise((*size, channels), dtype))
    data = encode(picture, format, lossless=format in ("webp", "avif"))
    again = decode(data)
    assert again.colour.dtype == picture.colour.dtype
    np.testing.assert_array_equal(again.array(), picture.array())
    assert again.metadata.exif is None


@pytest.mark.parametrize(
    ("format", "channels"),
    [(format, n) for format in ("png", "tiff") for n in (1, 2, 3, 4)]
    + [("ppm", 1), ("ppm", 3), ("webp", 3), ("webp", 4), ("avif", 3), ("avif", 4)],
)
def test_pillow_reads_the_same_values(format, channels):
    array = noise((9, 5, channels), "uint8")
    data = encode(Picture.from_array(array), format, lossless=format in ("webp", "avif"))
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(np.array(image).reshape(array.shape), array)


@pytest.mark.parametrize("format", ["png", "tiff", "ppm"])
def test_pillow_reads_16_bit_gray(format):
    array = noise((9, 5, 1), "uint16")
    with Image.open(io.BytesIO(encode(Picture(array), format))) as image:
        np.testing.assert_array_equal(np.array(image), array[..., 0])


def test_pillow_reads_gray_float_tiff():
    array = noise((9, 5, 1), "float32") * 3 - 1
    with Image.open(io.BytesIO(encode(Picture(array), "tiff"))) as image:
        np.testing.assert_array_equal(np.array(image), array[..., 0])


@pytest.mark.parametrize(
    ("format", "channels"),
    [("jpeg", 1), ("jpeg", 3)] + [(format, n) for format in ("webp", "avif") for n in (1, 2, 3, 4)],
)
def test_lossy_formats_stay_near_and_quality_counts(format, channels):
    array = smooth(channels, "uint8")
    picture = Picture.from_array(array)
    again = decode(encode(picture, format, quality=98))
    assert np.abs(again.colour.astype(int) - picture.colour).max() <= 8
    assert again.is_gray == (channels == 1 and format == "jpeg")
    if channels in (2, 4):
        assert np.abs(again.alpha.astype(int) - picture.alpha).max() <= 4
    assert len(encode(picture, format, quality=20)) < len(encode(picture, format, quality=98))


def test_avif_holds_twelve_bits_and_white_is_white():
    picture = Picture.from_array(noise((9, 5, 4), "uint16"))
    picture.colour[0, 0], picture.alpha[0, 0] = 65535, 65535
    with pytest.warns(ImageWarning, match="12 bits"):
        again = decode(encode(picture, "avif", lossless=True))
    assert again.bits == 16 and (again.colour[0, 0] == 65535).all() and again.alpha[0, 0] == 65535
    assert np.abs(again.array().astype(int) - picture.array()).max() <= 9  # half a 12-bit step
    with pytest.warns(ImageWarning, match="12 bits"):
        near = decode(encode(Picture(smooth(3, "uint16")), "avif"))
    assert np.abs(near.colour.astype(int) - smooth(3, "uint16")).max() < 1500


def test_twelve_bits_survive_sixteen():
    levels = (np.arange(4096) << 4).astype(np.uint16)
    np.testing.assert_array_equal(narrow(widen(levels, 12), 12), levels)


@pytest.mark.parametrize(
    ("format", "dtype", "becomes"),
    [
        ("jpeg", "uint16", 8),
        ("webp", "uint16", 8),
        ("jpeg", "float32", 8),
        ("png", "float32", 16),
        ("ppm", "float32", 16),
        ("avif", "float32", 16),
    ],
)
def test_greater_depths_are_rounded_and_that_is_said(format, dtype, becomes):
    array = noise((8, 8, 3), dtype)
    with pytest.warns(ImageWarning, match=r"holds (8|12|16) bits: the picture's (16 bits|floats)"):
        data = encode(Picture(array), format, lossless=format in ("webp", "avif"))
    again = decode(data)
    assert again.bits == becomes
    if format in ("png", "ppm", "webp"):
        np.testing.assert_array_equal(again.colour, quantise(to_float(array), becomes))


@pytest.mark.parametrize("format", ["jpeg", "ppm"])
def test_alpha_is_laid_on_white_with_a_warning(format):
    colour = np.zeros((16, 16, 3), np.uint8)
    alpha = np.full((16, 16), 255, np.uint8)
    alpha[:8], alpha[8:12] = 0, 128
    with pytest.warns(ImageWarning, match="white"):
        again = decode(encode(Picture(colour, alpha), format))
    seen = to_float(again.colour)
    assert again.alpha is None
    assert seen[:6].min() > 0.98 and seen[14:].max() < 0.02
    assert abs(seen[9:11].mean() - 0.5) < 0.02


def test_opaque_alpha_is_dropped_silently():
    picture = Picture.from_array(np.full((4, 4, 2), 255, np.uint8))
    assert decode(encode(picture, "jpeg")).alpha is None


def test_soft_alpha_in_gif_gives_a_warning():
    picture = Picture.from_array(np.full((4, 4, 4), 255, np.uint8))
    decode(encode(picture, "gif"))
    picture.alpha[1, 2] = 0
    decode(encode(picture, "gif"))
    picture.alpha[1, 1] = 100
    with pytest.warns(ImageWarning, match="no partial transparency.*write PNG, WebP"):
        again = decode(encode(picture, "gif"))
    assert set(np.unique(again.alpha)) == {0, 255}


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff", "avif"])
def test_metadata_survives(format):
    metadata = Metadata(icc=SRGB, exif=exif_block(), xmp=XMP, iptc=IPTC, pixels_per_mm=DPI_300)
    picture = Picture(smooth(3, "uint8"), metadata=metadata)
    with_iptc = format in ("jpeg", "tiff")
    with nullcontext() if with_iptc else pytest.warns(ImageWarning, match="holds no IPTC"):
        data = encode(picture, format)
    again = decode(data).metadata
    assert again.icc == SRGB
    assert again.xmp == XMP
    if with_iptc:
        assert again.iptc == IPTC
    if format not in ("webp", "avif"):
        assert again.pixels_per_mm == pytest.approx(DPI_300, rel=1e-4)
    with Image.open(io.BytesIO(data)) as image:
        exif, known = image.getexif(), {"icc": image.info.get("icc_profile")}
        exposure, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    assert known["icc"] == SRGB
    assert (exif[0x010F], exif[0x8298], exif.get(0x0112, 1)) == ("Maker", "(c) somebody", 1)
    assert exposure[0x9003] == "2020:01:02 03:04:05"
    assert exposure[0x829A] == pytest.approx(1 / 250)
    assert exposure[0x927C] == b"maker's note"
    assert (exposure[0xA002], exposure[0xA003]) == (48, 32)
    assert (place[1], place[2]) == ("N", (48.0, 51.0, 24.5))
    assert exif[0x011A] == pytest.approx(300)


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff", "avif"])
def test_metadata_moves_between_formats(source, format):
    buffer = io.BytesIO()
    image = Image.fromarray(smooth(3, "uint8"))
    image.save(buffer, source, exif=exif_block(), icc_profile=SRGB, dpi=(300, 300))
    picture = decode(buffer.getvalue())
    assert (picture.height, picture.width) == (48, 32)  # turned
    data = encode(picture, format)
    assert decode(data).metadata.icc == SRGB
    with Image.open(io.BytesIO(data)) as image:
        exif = image.getexif()
        assert (exif[0x010F], exif.get(0x0112, 1)) == ("Maker", 1)
        assert exif.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
        assert exif.get_ifd(0x8825)[2] == (48.0, 51.0, 24.5)
        assert image.size == (32, 48)


@pytest.mark.parametrize("format", ["png", "jpeg", "tiff"])
def test_gray_profile_survives(format):
    gray = bytearray(SRGB)
    gray[16:20] = b"GRAY"
    metadata = Metadata(icc=bytes(gray))
    assert decode(encode(Picture(smooth(1, "uint8"), metadata=metadata), format)).metadata == (
        Metadata(
            icc=bytes(gray),
            pixels_per_mm=decode(
                encode(Picture(smooth(1, "uint8")), format)
            ).metadata.pixels_per_mm,
        )
    )


def test_what_a_jpeg_segment_cannot_hold_is_left_out_with_a_warning():
    metadata = Metadata(xmp=XMP + b" " * 70_000)
    with pytest.warns(ImageWarning, match="XMP has 700"):
        data = encode(Picture(smooth(3, "uint8"), metadata=metadata), "jpeg")
    assert decode(data).metadata.xmp is None
    metadata = Metadata(iptc=IPTC + bytes(70_000))
    with pytest.warns(ImageWarning, match="IPTC has 700.* left out; write TIFF"):
        data = encode(Picture(smooth(3, "uint8"), metadata=metadata), "jpeg")
    assert decode(data).metadata.iptc is None


NAMES = [
    "two words.png",
    "a[1].png",
    "b[page=1,n=-1].tif",
    "c[Q=1].jpg",
    "new\nline.png",
    "grün 图.webp",
    "-dash.PNG",
    "%s{0}.jpeg",
    os.fsdecode(b"latin\xe9.png"),
    "x" * 250 + ".png",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_any_file_name_is_written_and_read(tmp_path, name):
    picture = Picture(smooth(3, "uint8"))
    write(picture, tmp_path / name)
    again = read(tmp_path / name)
    assert np.abs(again.colour.astype(int) - picture.colour).max() <= 8
    assert [found.name for found in tmp_path.iterdir()] == [name]
    with pytest.raises(ImageError, match=re.escape(repr(str(tmp_path / name)))) as caught:
        read(tmp_path / name, max_pixels=1)
    str(caught.value).encode()  # printable, whatever the name is


def test_a_rewritten_file_is_not_read_stale(tmp_path):
    path = tmp_path / "a.png"
    for value in (0, 9, 200):
        write(Picture(np.full((8, 8, 1), value, np.uint8)), path)
        assert (read(path).colour == value).all()


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write(Picture(np.zeros((2, 2, 1), np.uint8)), path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ImageError, match=r"a\.png.*No space left"):
        write(Picture(np.ones((2, 2, 1), np.uint8)), path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits are those of Unix")
def test_no_room_is_said_though_libvips_has_lost_its_words(tmp_path, monkeypatch):
    import resource

    def fail(*_):
        raise pyvips.Error("unable to write to target")

    monkeypatch.setitem(ENCODERS, "png", fail)
    picture, path = Picture(np.zeros((9, 9, 1), np.uint8)), tmp_path / "a.png"
    with pytest.raises(ImageError, match=r"libvips cannot write this png: .*unable to write"):
        write(picture, path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, limits[1]))
    try:
        with pytest.raises(ImageError, match=r"a\.png.*too large"):
            write(picture, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="limits are those of Unix")
@pytest.mark.parametrize("suffix", sorted(set(FORMATS) - {".jpeg", ".tiff", ".pgm"}))
def test_a_file_that_finds_no_room_says_so_alone(tmp_path, suffix):
    import resource

    path = tmp_path / f"a{suffix}"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, limits[1]))
    try:
        with pytest.raises(
            ImageError, match=r"cannot write '[^']+': (\[Errno \d+\] )?\w+ too large$"
        ):
            write(Picture(noise((200, 200, 3), "uint8")), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_mode_and_link_of_an_existing_file_are_kept(tmp_path):
    path, link = tmp_path / "a.png", tmp_path / "b.png"
    write(Picture(np.zeros((2, 2, 1), np.uint8)), path)
    path.chmod(0o640)
    link.symlink_to(path)
    write(Picture(np.ones((2, 2, 1), np.uint8)), link)
    assert link.is_symlink() and path.stat().st_mode & 0o777 == 0o640
    assert (read(path).colour == 1).all()


def test_a_file_system_without_modes_does_no_harm(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    write(Picture(np.zeros((2, 2, 1), np.uint8)), tmp_path / "a.png")
    monkeypatch.setattr("shutil.copymode", refuse)
    write(Picture(np.ones((2, 2, 1), np.uint8)), tmp_path / "a.png")
    assert (read(tmp_path / "a.png").colour == 1).all()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.bmp", "suffix must be one of .png"),
        ("a", "suffix"),
        ("missing/a.png", "folder does not exist"),
        ("folder.png", "a folder"),
        ("nul\0.png", "not a valid file name.*null"),
        ("x" * 300 + ".png", "name too long"),
    ],
)
def test_errors_name_the_path_and_the_reason(tmp_path, name, reason):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match=rf"(?i){re.escape(repr(name)[1:-1])}.*{reason}"):
        write(Picture(np.zeros((2, 2, 1), np.uint8)), tmp_path / name)
    assert [found.name for found in tmp_path.iterdir()] == ["folder.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_protected_file_is_not_replaced(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    path.chmod(0o400)
    with pytest.raises(ImageError, match="permissions"):
        write(Picture(np.zeros((2, 2, 1), np.uint8)), path)


@pytest.mark.parametrize("format", LARGEST_SIDE)
@pytest.mark.parametrize("upright", [False, True])
def test_the_largest_sides_are_written_and_larger_ones_refused(format, upright):
    side = LARGEST_SIDE[format]
    for length in (side, side + 1):
        shape = (length, 1, 1) if upright else (1, length, 1)
        picture = Picture(np.zeros(shape, np.uint8))
        if length == side:
            again = decode(encode(picture, format))
            assert (again.height, again.width) == shape[:2]
        else:
            with pytest.raises(ImageError, match=f"not {length}; write PNG or TIFF"):
                encode(picture, format)


def test_a_very_wide_png_is_written_and_one_that_libvips_cannot_take_refused():
    wide = Picture(np.zeros((1, 1_000_001, 1), np.uint8))  # libpng by itself stops at a million
    assert decode(encode(wide, "png")).width == 1_000_001
    endless = Picture(np.broadcast_to(np.uint8(0), (1, 10**8 + 1, 1)))
    with pytest.raises(ImageError, match="not 100000001; make a smaller picture"):
        encode(endless, "tiff")


def test_arguments_out_of_range_are_refused():
    picture = Picture(np.zeros((2, 2, 1), np.uint8))
    with pytest.raises(ValueError, match="quality is 0"):
        encode(picture, "jpeg", quality=0)
    with pytest.raises(ValueError, match="lossless is True"):
        encode(picture, "jpeg", lossless=True)
    with pytest.raises(ValueError, match="format is 'bmp'"):
        encode(picture, "bmp")


def test_a_missing_codec_is_named(monkeypatch):
    monkeypatch.setattr(pyvips, "type_find", lambda base, name: 0)
    with pytest.raises(ImageError, match=r"cannot write avif; install"):
        encode(Picture(np.zeros((2, 2, 1), np.uint8)), "avif")


def test_every_suffix_writes_its_format(tmp_path):
    for suffix in FORMATS:
        write(Picture(smooth(1, "uint8")), tmp_path / f"a{suffix}")
        assert read(tmp_path / f"a{suffix}").height == 32
