import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bigpicture.image import Metadata, Picture, decode, encode
from bigpicture.image.directories import (
    directories,
    full_pages,
    read_directory,
    write_directories,
)
from bigpicture.image.exif import said_srgb, upright


@given(st.binary(max_size=200), st.sampled_from([b"II*\0", b"MM\0*", b""]))
def test_no_exif_block_is_too_broken(body, header):
    block = header + body
    metadata = upright(Metadata(exif=b"Exif\0\0" + block, xmp=block))
    assert len(metadata.exif) == len(block) + 6
    read_directory(block)


entries = st.dictionaries(
    st.integers(1, 0x80FF),
    st.binary(max_size=9).map(lambda value: (7, len(value), value)),
    max_size=5,
)


@given(entries, entries, entries)
def test_directories_are_read_as_they_were_written(main, exposure, place):
    written = write_directories(main, {0x8769: exposure, 0x8825: place}, 8)
    block = b"II*\0\x08\0\0\0" + written
    found = read_directory(block)
    for tag, part in ((0x8769, exposure), (0x8825, place)):
        if part:
            assert read_directory(block, found.pop(tag)[2]) == part
    assert found == main


def test_orientation_in_xmp_is_reset_too():
    xmp = b'<a tiff:Orientation="6"/><tiff:Orientation>8</tiff:Orientation>'
    reset = b'<a tiff:Orientation="1"/><tiff:Orientation>1</tiff:Orientation>'
    assert upright(Metadata(xmp=xmp)).xmp == reset


def test_a_colour_space_in_exif_becomes_srgb():
    exif = Image.Exif()
    exif[0x0112] = 3
    exif.get_ifd(0x8769)[0xA001] = 0xFFFF  # Adobe RGB, as cameras put it
    again = Image.Exif()
    again.load(said_srgb(Metadata(exif=exif.tobytes())).exif)
    assert again.get_ifd(0x8769)[0xA001] == 1
    assert again[0x0112] == 3
    assert said_srgb(Metadata()) == Metadata()


def test_a_thumbnail_of_a_turned_picture_is_dropped():
    first, thumbnail = {0x0112: (3, 1, b"\6\0")}, {0x0103: (3, 1, b"\6\0")}
    block = bytearray(b"II*\0\x08\0\0\0" + write_directories(first, {}, 8))
    struct.pack_into("<I", block, 8 + 2 + 12, len(block))
    exif = b"Exif\0\0" + bytes(block) + write_directories(thumbnail, {}, len(block))
    assert len(directories(exif[6:])) == 2
    assert len(directories(upright(Metadata(exif=exif), 1).exif[6:])) == 2
    turned = upright(Metadata(exif=exif), 6).exif[6:]
    assert len(directories(turned)) == 1
    assert read_directory(turned)[0x0112] == (3, 1, b"\1\0")


def test_directories_that_lead_back_to_themselves_end():
    one = bytearray(b"II*\0\x08\0\0\0" + write_directories({1: (3, 1, b"\0\0")}, {}, 8))
    struct.pack_into("<I", one, 8 + 2 + 12, 8)
    assert directories(bytes(one)) == [8]
    assert full_pages(bytes(one)) == [0]


def test_sizes_in_xmp_are_those_of_the_picture():
    xmp = (
        b'<a tiff:ImageWidth="640" tiff:ImageLength = \'480\' exif:PixelXDimension="640"/>'
        b"<exif:PixelYDimension>480</exif:PixelYDimension><xmp:Rating>5</xmp:Rating>"
    )
    large = xmp.replace(b"640", b"1280").replace(b"480", b"960")
    picture = Picture(np.zeros((960, 1280, 1), np.uint8), metadata=Metadata(xmp=xmp))
    for format in ("png", "jpeg", "tiff"):
        assert decode(encode(picture, format)).metadata.xmp == large
