"""What files say or hold that no result has: a warning each."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from bigpicture.image import ImageWarning, Metadata, Picture, decode, encode
from bigpicture.image.appended import without_appended

RGB = np.random.default_rng(5).integers(0, 256, (9, 14, 3), dtype=np.uint8)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes, **options) -> bytes:
    """Return a PNG that says more behind its header."""
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "PNG", **options)
    data = buffer.getvalue()
    return data[:33] + b"".join(chunks) + data[33:]


def gamma(value: int) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", value))


def cicp(*numbers: int) -> bytes:
    return chunk(b"cICP", bytes(numbers))


@pytest.mark.parametrize(
    ("data", "stated"),
    [
        (png(gamma(100_000)), r"a gamma of 1/1\.00, but has no profile"),
        (png(gamma(55_556)), r"a gamma of 1/1\.80, but"),
        (png(cicp(9, 16, 0, 1)), r"primaries BT\.2020 and transfer PQ"),
        (png(cicp(12, 13, 0, 1), gamma(45_455)), "primaries Display P3 and transfer 13"),
    ],
)
def test_colours_stated_by_numbers_are_not_sorted_out_in_silence(data, stated):
    with pytest.warns(ImageWarning, match=f"states {stated}"):
        picture = decode(data)
    np.testing.assert_array_equal(picture.colour, RGB)


@pytest.mark.parametrize(
    "data",
    [
        png(),
        png(gamma(45_455)),
        png(gamma(45_000)),
        png(gamma(100_000), chunk(b"sRGB", b"\0")),
        png(gamma(0)),
        png(cicp(1, 13, 0, 1)),
        png(cicp(9, 16)),
    ],
)
def test_what_says_srgb_or_nothing_gives_no_warning(data):
    np.testing.assert_array_equal(decode(data).colour, RGB)


def test_a_profile_says_more_than_numbers(profiles):
    data = png(icc_profile=profiles["display-p3"])
    at = data.index(b"IDAT") - 4
    assert decode(data[:at] + gamma(100_000) + data[at:]).metadata.icc == profiles["display-p3"]


def test_avif_states_its_colours_too():
    plain = encode(Picture(RGB), "avif", lossless=True)
    assert decode(plain).width == 14
    at = plain.index(b"colrnclx") + 8
    deep = plain[:at] + struct.pack(">HH", 9, 16) + plain[at + 4 :]
    with pytest.warns(ImageWarning, match=r"states primaries BT\.2020 and transfer PQ"):
        assert decode(deep).width == 14


def camera_jpeg(space: int, index: str, **options) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = space
    exif.get_ifd(0x8769)[0xA005] = {1: index}
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "JPEG", exif=exif, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("space", "index"), [(0xFFFF, "R03"), (2, "R98")])
def test_a_camera_states_adobe_rgb_in_exif(space, index, profiles):
    with pytest.warns(ImageWarning, match="states Adobe RGB in its EXIF, but has no profile"):
        decode(camera_jpeg(space, index))
    icc = profiles["adobe-rgb"]
    assert decode(camera_jpeg(space, index, icc_profile=icc)).metadata.icc == icc


@pytest.mark.parametrize(("space", "index"), [(1, "R98"), (1, "R03"), (0xFFFF, "R98")])
def test_what_a_camera_does_not_state_gives_no_warning(space, index):
    assert decode(camera_jpeg(space, index)).width == 14


def test_an_animated_avif_gives_its_first_frame_with_a_warning():
    still = encode(Picture(RGB), "avif")
    with pytest.warns(ImageWarning, match="is animated; only GIF and WebP"):
        assert decode(still[:8] + b"avis" + still[12:]).width == 14


ULTRA_HDR = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description
 xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" dc:format="image/jpeg">
<Container:Directory><rdf:Seq><rdf:li><Container:Item Item:Semantic="GainMap" Item:Length="99"/>
</rdf:li></rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>"""
MOTION = b"""<rdf:Description GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"
 GCamera:MotionPhotoPresentationTimestampUs="500000" xmp:Rating="4"/>"""
ELEMENTS = b"""<rdf:Description><GCamera:MicroVideo>1</GCamera:MicroVideo><xmp:Rating>4</xmp:Rating>
<GCamera:MicroVideoOffset>4711</GCamera:MicroVideoOffset></rdf:Description>"""


@pytest.mark.parametrize(
    ("xmp", "what", "kept"),
    [
        (ULTRA_HDR, "HDR gain map", b'dc:format="image/jpeg"'),
        (MOTION, r"video \(motion photo\)", b'xmp:Rating="4"'),
        (ELEMENTS, r"video \(motion photo\)", b"<xmp:Rating>4</xmp:Rating>"),
    ],
)
def test_what_phones_append_is_told_and_no_more_announced(xmp, what, kept):
    data = encode(Picture(RGB, metadata=Metadata(xmp=xmp)), "jpeg")
    with pytest.warns(ImageWarning, match=f"its {what}, which is appended .* left out"):
        picture = decode(data)
    left = picture.metadata.xmp
    assert kept in left
    assert not any(sign in left for sign in (b"MotionPhoto", b"MicroVideo", b"hdrgm:V", b"GainMap"))


@pytest.mark.parametrize(
    "xmp", [b"", b'<a GCamera:MotionPhoto="0"/>', b"<dc:title>MotionPhoto GainMap</dc:title>"]
)
def test_what_announces_nothing_stays_as_it_is(xmp):
    assert without_appended(xmp) == (xmp, [])
