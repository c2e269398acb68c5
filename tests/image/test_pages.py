"""Files of several pages and animations, with Pillow as the other writer and reader."""

import io
import struct

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from bigpicture.image import (
    ImageError,
    ImageWarning,
    Metadata,
    Picture,
    Separations,
    decode,
    read,
    read_pages,
    tiff,
    write_pages,
)
from bigpicture.image.directories import read_directory, write_directories
from bigpicture.image.read import decode_pages

RNG = np.random.default_rng(7)
FRAMES = [RNG.integers(0, 256, (9, 13, 3), dtype=np.uint8) for _ in range(3)]


def animated(format: str, frames=FRAMES, **options) -> bytes:
    buffer = io.BytesIO()
    images = [Image.fromarray(frame) for frame in frames]
    images[0].save(buffer, format, save_all=True, append_images=images[1:], **options)
    return buffer.getvalue()


def test_pages_of_a_tiff_are_read_as_pillow_wrote_them():
    sizes = [np.zeros((3, 5), np.uint8), FRAMES[0], np.full((2, 2), 7, np.uint16)]
    pages = decode_pages(animated("TIFF", sizes))
    assert len(pages) == 3 and not pages.delays
    for page, expected in zip(pages, sizes, strict=True):
        np.testing.assert_array_equal(page.colour.squeeze(), expected)


@pytest.mark.parametrize(("format", "options"), [("GIF", {}), ("WEBP", {"lossless": True})])
def test_frames_are_read_with_their_times(format, options):
    frames = [np.full((6, 4, 3), value, np.uint8) for value in (10, 90, 250)]
    pages = decode_pages(animated(format, frames, duration=[50, 60, 70], loop=4, **options))
    assert pages.delays == (50, 60, 70)
    for frame, expected in zip(pages, frames, strict=True):
        assert frame.alpha is None
        np.testing.assert_array_equal(frame.colour, expected)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF"])
def test_the_first_is_taken_with_a_warning_where_one_is_asked_for(tmp_path, format):
    path = tmp_path / "many"
    path.write_bytes(animated(format, [np.full((5, 4), v, np.uint8) for v in (3, 120, 250)]))
    with pytest.warns(ImageWarning, match="has 3 (pages|frames), of which only the first is taken"):
        picture = read(path)
    assert picture.height == 5 and picture.colour.max() < 20


def test_an_animated_png_gives_its_first_frame_with_a_warning():
    with pytest.warns(ImageWarning, match="only GIF and WebP"):
        picture = decode(animated("PNG"))
    np.testing.assert_array_equal(picture.colour, FRAMES[0])


def test_smaller_versions_of_a_page_are_no_pages():
    data = bytearray(animated("TIFF", [FRAMES[0], FRAMES[0][::2, ::2], FRAMES[1]]))
    at = struct.unpack_from("<I", data, 4)[0]
    (count,) = struct.unpack_from("<H", data, at)
    second = struct.unpack_from("<I", data, at + 2 + 12 * count)[0]
    # its lowest tag becomes that of the purpose, which libtiff asks for first
    struct.pack_into("<HHII", data, second + 2, 0x00FE, 4, 1, 1)
    assert decode_pages(bytes(data)).numbers == [0, 2]


def tiff_saying(tag: int, kind: int, value: bytes) -> bytes:
    """Return a TIFF of one page whose directory says one thing more."""
    data = animated("TIFF", FRAMES[:1])
    data += bytes(len(data) % 2)
    main = read_directory(data) | {tag: (kind, len(value) // {1: 1, 3: 2, 4: 4}[kind], value)}
    written = write_directories(main, {}, len(data))
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + written


@pytest.mark.parametrize(
    "raw",
    [
        tiff_saying(0x00FE, 4, struct.pack("<I", 1)),  # a smaller version of what is elsewhere
        tiff_saying(0xC612, 1, bytes([1, 4, 0, 0])),  # a DNG
        tiff_saying(0x0106, 3, struct.pack("<H", 32803)),  # a mosaic of colour filters
        b"II*\0\x10\0\0\0CR\2\0\0\0\0\0" + animated("TIFF", FRAMES[:1])[16:],
    ],
    ids=["preview", "dng", "mosaic", "cr2"],
)
def test_a_raw_file_gives_no_preview_for_the_picture(raw, tmp_path):
    (tmp_path / "a.nef").write_bytes(raw)
    with pytest.raises(ImageError, match=r"a\.nef.* raw file of a camera.*; develop it first"):
        read(tmp_path / "a.nef")


def test_what_is_said_of_a_page_makes_it_no_raw_file():
    harmless = tiff_saying(0x00FE, 4, struct.pack("<I", 2))  # a page of several
    np.testing.assert_array_equal(decode(harmless).colour, FRAMES[0])


KINDS = [
    np.uint8([[[5], [9]]]),
    RNG.integers(0, 65536, (40, 70, 3), dtype=np.uint16),
    RNG.random((6, 5, 4), np.float32),
    RNG.integers(0, 256, (2, 3, 2), dtype=np.uint8),
]


def exif_of(maker: str) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = maker
    exif.get_ifd(0x8769)[0x9003] = f"2020:01:02 {maker}"
    return exif.tobytes()


def test_pages_of_any_size_depth_and_text_survive_in_tiff(tmp_path):
    written = [
        Picture.from_array(array, Metadata(exif=exif_of(f"maker {n}"), iptc=b"\x1c\x02" * (n + 1)))
        for n, array in enumerate(KINDS)
    ]
    inks = Separations.from_array(RNG.integers(0, 256, (4, 6, 4), dtype=np.uint8))
    write_pages([*written, inks], tmp_path / "all.tif")
    pages = list(read_pages(tmp_path / "all.tif", keep_cmyk=True))
    assert len(pages) == 5
    for number, (before, after) in enumerate(zip(written, pages, strict=False)):
        assert after.bits == before.bits
        np.testing.assert_array_equal(after.array(), before.array())
        block = Image.Exif()
        block.load(after.metadata.exif)
        assert block[0x010F] == f"maker {number}"
        assert block.get_ifd(0x8769)[0x9003].endswith(f"maker {number}")
        assert after.metadata.iptc == b"\x1c\x02" * (number + 1)
    np.testing.assert_array_equal(pages[4].array(), inks.array())


def test_pillow_reads_the_pages(tmp_path):
    write_pages([Picture(frame) for frame in FRAMES], tmp_path / "all.tif")
    with Image.open(tmp_path / "all.tif") as image:
        for frame, expected in zip(ImageSequence.Iterator(image), FRAMES, strict=True):
            np.testing.assert_array_equal(np.array(frame), expected)


def test_pages_are_written_as_they_come(tmp_path):
    alive = []

    def pages():
        for number in range(4):
            part = next(tmp_path.glob(".*"), None)
            alive.append(part.stat().st_size if part else 0)
            yield Picture(RNG.integers(0, 256, (200, 200, 3), dtype=np.uint8) + np.uint8(number))

    write_pages(pages(), tmp_path / "all.tif")
    assert alive[3] > 100_000


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_an_animation_keeps_frames_times_and_loops(tmp_path, suffix):
    frames = [np.zeros((20, 24, 4), np.uint8) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame[4 * number : 4 * number + 8, 2:9] = (200, 80 * number, 30, 255)
    path = tmp_path / f"a{suffix}"
    options = {"lossless": True} if suffix == ".webp" else {}
    write_pages(map(Picture.from_array, frames), path, delays=(40, 80, 120), loop=3, **options)
    again = read_pages(path)
    assert (len(again), again.delays, again.loop) == (3, (40, 80, 120), 3)
    for page, frame in zip(again, frames, strict=True):
        np.testing.assert_array_equal(page.alpha, frame[..., 3])
        seen = frame[..., 3] > 0
        np.testing.assert_array_equal(page.colour[seen], frame[seen][:, :3])
    with Image.open(path) as image:
        assert image.n_frames == 3


def test_a_gray_frame_beside_coloured_ones_is_shown(tmp_path):
    mixed = [np.full((8, 8, channels), 77, np.uint8) for channels in (1, 3, 4)]
    write_pages(map(Picture.from_array, mixed), tmp_path / "a.webp", lossless=True)
    for page in read_pages(tmp_path / "a.webp"):
        assert (page.colour == 77).all()


@pytest.mark.parametrize(
    ("name", "pictures", "reason"),
    [
        ("a.png", FRAMES, "png holds one picture; write TIFF"),
        ("a.gif", [FRAMES[0], FRAMES[0][:5]], "one size"),
        ("a.tif", [], "no pages"),
        ("a.webp", [], "no frames"),
        ("a.bmp", FRAMES, "suffix must be one of"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, name, pictures, reason):
    with pytest.raises(ImageError, match=rf"{name}.*{reason}"):
        write_pages(map(Picture, pictures), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_page_is_named_when_its_turn_comes():
    noise = [RNG.integers(0, 256, (99, 99, 3), dtype=np.uint8) for _ in range(2)]
    data = animated("TIFF", noise, compression="tiff_adobe_deflate")
    pages = iter(decode_pages(data[:-9000] + bytes(4000) + data[-5000:], name="scan.tif"))
    np.testing.assert_array_equal(next(pages).colour, noise[0])
    with pytest.raises(ImageError, match=r"scan\.tif"):
        next(pages)


@settings(max_examples=60)
@given(st.floats(0, 1), st.booleans())
def test_an_animation_that_is_cut_short_is_an_error(part, with_table):
    frames = [RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8) for _ in range(2)]
    whole = animated("GIF", frames, optimize=with_table)
    expected = list(decode_pages(whole))
    kept = int(part * len(whole))
    try:
        pages = list(decode_pages(whole[:kept], name="cut"))
    except ImageError as error:
        assert "cut" in str(error)
    else:  # only what says that nothing follows is missing, or all of the second frame
        assert kept >= len(whole) - 1 or len(pages) == 1
        for page, own in zip(pages, expected, strict=False):
            np.testing.assert_array_equal(page.colour, own.colour)


@pytest.mark.parametrize("behind", [b"", b"\0\0", b"more that is no GIF"])
def test_what_stands_behind_an_animation_does_no_harm(behind):
    assert len(list(decode_pages(MANY["GIF"] + behind))) == 3
    assert len(list(decode_pages(MANY["GIF"][:-1]))) == 3  # nor what only ends it


def test_an_animation_is_as_large_as_all_its_frames():
    data = animated("GIF")
    assert len(list(decode_pages(data, max_pixels=351))) == 3
    with pytest.raises(ImageError, match="max_pixels = 350"):
        list(decode_pages(data, max_pixels=350))


def test_pages_beyond_four_gigabytes_become_a_bigtiff(tmp_path, monkeypatch):
    written = [
        Picture.from_array(array, Metadata(exif=exif_of(f"maker {n}"), iptc=b"\x1c\x02"))
        for n, array in enumerate(KINDS)
    ]
    starts = []
    for end in (2**32, 3000):
        monkeypatch.setattr(tiff, "CLASSIC_END", end)
        write_pages(written, tmp_path / "all.tif")
        starts.append((tmp_path / "all.tif").read_bytes()[:4])
        pages = list(read_pages(tmp_path / "all.tif"))
        assert len(pages) == len(written)
        for number, (before, after) in enumerate(zip(written, pages, strict=True)):
            np.testing.assert_array_equal(after.array(), before.array())
            block = Image.Exif()
            block.load(after.metadata.exif)
            assert block[0x010F] == f"maker {number}"
            assert block.get_ifd(0x8769)[0x9003].endswith(f"maker {number}")
            assert after.metadata.iptc == b"\x1c\x02"
    assert starts == [b"II*\0", b"II+\0"]


def test_pages_that_are_no_strips_are_refused():
    with pytest.raises(ImageError, match="alone"):
        tiff.TiffPages(io.BytesIO()).append(io.BytesIO(b"II*\0\x08\0\0\0\0\0\0\0\0\0"))


def test_pages_of_a_bigtiff_are_read_and_smaller_versions_of_them_are_none():
    image = pyvips.Image.new_from_array(FRAMES[0]).copy(interpretation="srgb")
    pages = decode_pages(image.tiffsave_buffer(bigtiff=True))
    assert len(pages) == 1
    np.testing.assert_array_equal(pages.first().colour, FRAMES[0])
    large = pyvips.Image.new_from_array(np.tile(FRAMES[0], (40, 40, 1))).copy(interpretation="srgb")
    pyramid = large.tiffsave_buffer(bigtiff=True, tile=True, pyramid=True)
    assert len(decode_pages(pyramid)) == 1
    assert pyvips.Image.new_from_buffer(pyramid, "").get("n-pages") > 1


MANY = {"GIF": animated("GIF"), "WebP": animated("WEBP"), "TIFF": animated("TIFF")}


@pytest.mark.filterwarnings("ignore::bigpicture.image.ImageWarning")
@pytest.mark.parametrize("kind", MANY)
@settings(max_examples=60)
@given(data=st.data())
def test_damaged_pages_are_pictures_or_errors(kind, data):
    damaged = bytearray(MANY[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    damaged = bytes(damaged[: data.draw(st.integers(len(damaged) // 2, len(damaged)))])
    try:
        pages = list(decode_pages(damaged, name="damaged", max_pixels=100_000))
    except ImageError as error:
        assert "damaged" in str(error)
    else:
        assert all(page.height * page.width <= 100_000 for page in pages)
