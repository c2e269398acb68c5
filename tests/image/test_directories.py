"""TIFFs whose directories are hostile, large, or in the other byte order."""

import struct
import zlib

import numpy as np
import pytest

from bigpicture.image import ImageError, Metadata, Picture, decode, encode
from bigpicture.image import directories as module
from bigpicture.image.directories import (
    claims_fit,
    directories,
    full_pages,
    read_directory,
    write_directories,
)
from bigpicture.image.read import decode_pages

BYTE, SHORT, LONG, UNDEFINED = 1, 3, 4, 7
EXPOSURE, IPTC, LAYERS = 0x8769, 0x83BB, 0x935C
SIZES = {BYTE: 1, SHORT: 2, LONG: 4, UNDEFINED: 1}


def entry(order: str, tag: int, kind: int, count: int, value: int) -> bytes:
    fields = struct.pack(f"{order}HHI", tag, kind, count)
    if kind == SHORT and count == 1:
        return fields + struct.pack(f"{order}HH", value, 0)
    return fields + struct.pack(f"{order}I", value)


def directory(order: str, *said: tuple[int, int, int, int], following: int = 0) -> bytes:
    """Return a directory of entries (tag, type, count, value or position)."""
    entries = b"".join(entry(order, *each) for each in sorted(said))
    return struct.pack(f"{order}H", len(said)) + entries + struct.pack(f"{order}I", following)


def tiff(
    *more: tuple[int, int, int, int],
    size: tuple[int, int] = (1, 1),
    compression: int = 1,
    strip: bytes = b"\7",
    behind: bytes = b"",
    order: str = "<",
) -> bytes:
    """Return a gray TIFF of one strip: header, strip, `behind`, directory with `more` entries."""
    height, width = size
    said = [(256, LONG, 1, width), (257, LONG, 1, height), (258, SHORT, 1, 8)]
    said += [(259, SHORT, 1, compression), (262, SHORT, 1, 1), (273, LONG, 1, 8)]
    said += [(277, SHORT, 1, 1), (278, LONG, 1, height), (279, LONG, 1, len(strip))]
    body = strip + behind
    body += bytes(len(body) % 2)
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(body))
    return header + body + directory(order, *said, *more)


def bomb(length: int, entries: int = 300) -> bytes:
    """Return a directory of many entries, each of which takes all bytes of its file for itself."""
    return directory("<", *((tag, BYTE, length, 0) for tag in range(1, entries + 1)))


def test_what_entries_share_is_not_read_for_each_of_them():
    block = b"II*\0\x08\0\0\0" + bomb(3000)
    assert len(block) > 3000
    found = read_directory(block)
    assert [len(value) for _, _, value in found.values()] == [3000]
    assert not claims_fit(block)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + directory("<", (EXPOSURE, LONG, 1, 26)) + bomb(3000)
    data = encode(Picture(np.zeros((2, 2, 1), np.uint8), metadata=Metadata(exif=exif)), "tiff")
    assert 3000 < len(data) < 3 * len(exif)


def test_exif_in_a_tiff_is_no_larger_than_the_file():
    data = tiff((EXPOSURE, LONG, 1, 10), behind=b"\0" + bomb(3000))
    picture = decode(data)
    assert picture.colour.item() == 7
    assert 3000 < len(picture.metadata.exif) < len(data)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_our_own_files_claim_what_they_have(channels, dtype):
    exif = b"Exif\0\0II*\0\x08\0\0\0" + write_directories({0x010F: (2, 6, b"Maker\0")}, {}, 8)
    metadata = Metadata(exif=exif, iptc=b"\x1c\x02" * 50)
    picture = Picture.from_array(np.zeros((2, 3, channels), dtype), metadata)
    assert claims_fit(encode(picture, "tiff"))


def test_a_layer_larger_than_libtiff_may_take_by_default_is_passed_over():
    layers = 51 * 2**20
    data = tiff((LAYERS, UNDEFINED, layers, 10), behind=b"\0" + bytes(layers))
    assert decode(data).colour.item() == 7


def test_a_strip_larger_than_libtiff_may_take_by_default_is_read():
    pixels = np.full((6000, 10_000), 5, np.uint8)
    pixels[-1] = 9
    strip = zlib.compress(pixels.tobytes(), 0)
    found = decode(tiff(size=pixels.shape, compression=8, strip=strip)).colour[..., 0]
    np.testing.assert_array_equal(found[[0, -1]], pixels[[0, -1]])


def test_tags_that_share_their_bytes_stay_limited():
    shared = 30 * 2**20
    more = [(LAYERS + number, UNDEFINED, shared, 10) for number in range(9)]
    with pytest.raises(ImageError, match="memory allocation"):
        decode(tiff(*more, behind=b"\0" + bytes(shared)))


def test_an_endless_chain_of_directories_is_not_followed(monkeypatch):
    monkeypatch.setattr(module, "_MOST", 5)
    links = b"".join(struct.pack("<HI", 0, 8 + 6 * number) for number in range(1, 5))
    four, five = (b"II*\0\x08\0\0\0" + links[: 6 * n] + bytes(6) for n in (3, 4))
    assert full_pages(four) == [0, 1, 2, 3]
    endless = five + bytes(600)
    assert len(directories(endless)) == 5
    with pytest.raises(ImageError, match="5 pages or more; split"):
        decode_pages(endless)


def test_directories_that_overlap_are_not_all_read(monkeypatch):
    block, read = bytearray(b"II*\0\x08\0\0\0" + bytes(1900)), []
    for number in range(200):  # each begins four bytes behind the last
        struct.pack_into("<H", block, 8 + 4 * number, 90)
        struct.pack_into("<I", block, 8 + 4 * number + 2 + 90 * 12, 12 + 4 * number)
    assert len(directories(bytes(block))) == 201
    monkeypatch.setattr(module, "entries", lambda *_: read.append(1) or [])
    assert not claims_fit(bytes(block))
    assert len(read) == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [BYTE, LONG, UNDEFINED])
def test_iptc_is_bytes_whatever_its_type_and_the_byte_order(order, kind):
    records = b"\x1c\x02\x05\x00\x07a title"
    data = tiff((IPTC, kind, len(records) // SIZES[kind], 10), behind=b"\0" + records, order=order)
    assert decode(data).metadata.iptc == records
