"""Every format, depth, number of channels and profile that can exist together, value by value.

What a format cannot hold must come back as `bigpicture.image.formats` says, with a warning.
"""

import itertools
import warnings

import numpy as np
import pytest

from bigpicture.image import (
    ImageWarning,
    Metadata,
    Picture,
    Separations,
    decode,
    encode,
    quantise,
    to_float,
)
from bigpicture.image.read import decode_pages

DTYPES = {"uint8": 8, "uint16": 16, "float32": 32}
# format: depth it holds, whether alpha, gray, profile, CMYK
HOLDS = {
    "png": (16, True, True, True, False),
    "tiff": (32, True, True, True, True),
    "webp": (8, True, False, True, False),
    "avif": (12, True, False, True, False),
    "ppm": (16, False, True, False, False),
}
LOSSLESS = {"webp", "avif"}
PROFILES = {
    1: (None, "gray-2.2", "gray-sampled"),
    3: (None, "srgb", "display-p3", "adobe-rgb", "adobe-rgb-srgb-curve", "table"),
}
MATRIX = [
    (format, dtype, channels, profile)
    for format, dtype, channels in itertools.product(HOLDS, DTYPES, (1, 2, 3, 4))
    for profile in PROFILES[1 if channels < 3 else 3]
]


def stored(channels: int, dtype: str) -> np.ndarray:
    values = np.random.default_rng(channels).random((7, 9, channels), np.float32)
    values[0, 0], values[0, 1] = 0, 1
    if dtype == "float32":
        values[1, :, : 1 if channels < 3 else 3] *= 40  # brighter than white; not opacity
        values[2, :, 0] = -0.25
    return quantise(values, DTYPES[dtype])


def recorded(action):
    """Return what `action` returns, and the warnings of ours on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = action()
    assert all(issubclass(found.category, ImageWarning) for found in caught)
    return result, " ".join(str(found.message) for found in caught)


@pytest.mark.parametrize(("format", "dtype", "channels", "profile"), MATRIX)
def test_every_value_comes_back_or_what_is_lost_is_said(format, dtype, channels, profile, profiles):
    depth, with_alpha, with_gray, with_profile, _ = HOLDS[format]
    array, icc = stored(channels, dtype), None if profile is None else profiles[profile]
    if not with_alpha and channels in (2, 4):
        array[..., -1] = 1 if dtype == "float32" else np.iinfo(dtype).max
    picture = Picture.from_array(array, Metadata(icc=icc))
    data, said = recorded(lambda: encode(picture, format, lossless=format in LOSSLESS))
    again = decode(data)

    bits = min(DTYPES[dtype], 16 if format == "avif" else depth)
    assert again.bits == bits
    assert (f"holds {depth} bits" in said) == (DTYPES[dtype] > depth)
    opaque = array[..., :-1] if not with_alpha and channels in (2, 4) else array
    gray = channels < 3
    shown = opaque
    if gray and not with_gray:
        shown = np.dstack([opaque[..., :1]] * 3 + [opaque[..., 1:]])
    expected = quantise(to_float(shown), bits) if bits < DTYPES[dtype] else shown
    profile_lost = icc is not None and (not with_profile or (gray and not with_gray))
    if profile_lost and profile != "srgb":
        assert again.metadata.icc is None
        assert again.array().shape == expected.shape  # of other numbers: see test_profile
        return
    assert again.metadata.icc == (None if profile_lost else icc)
    if format == "avif" and bits == 16:
        assert np.abs(again.array().astype(int) - expected).max() <= 9  # half a step of 12 bits
    else:
        np.testing.assert_array_equal(again.array(), expected)


@pytest.mark.parametrize("profile", [*PROFILES[1], *PROFILES[3][1:]])
def test_flat_colours_and_their_profile_come_back_from_jpeg(profile, profiles):
    icc = None if profile is None else profiles[profile]
    channels = 3 if icc is None or icc[16:20] == b"RGB " else 1
    array = np.full((16, 16, channels), (200, 90, 30)[:channels], np.uint8)
    again = decode(encode(Picture(array, metadata=Metadata(icc=icc)), "jpeg"))
    assert np.abs(again.colour.astype(int) - array).max() <= 1
    assert again.metadata.icc == icc


@pytest.mark.parametrize("with_profile", [False, True])
@pytest.mark.parametrize("channels", [4, 5])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_ink_comes_back_from_tiff(dtype, channels, with_profile, profiles):
    icc = profiles["cmyk"] if with_profile else None
    picture = Separations.from_array(stored(channels, dtype), Metadata(icc=icc))
    data, said = recorded(lambda: encode(picture, "tiff"))
    (again,) = decode_pages(data, keep_cmyk=True)
    assert isinstance(again, Separations) and not said
    assert again.bits == DTYPES[dtype] and again.metadata.icc == icc
    np.testing.assert_array_equal(again.array(), picture.array())


@pytest.mark.parametrize("with_profile", [False, True])
@pytest.mark.parametrize("ink", range(4))
def test_flat_inks_come_back_from_jpeg(ink, with_profile, profiles):
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[..., ink] = 200
    icc = profiles["cmyk"] if with_profile else None
    data = encode(Separations.from_array(inks, Metadata(icc=icc)), "jpeg")
    (again,) = decode_pages(data, keep_cmyk=True)
    assert np.abs(again.array().astype(int) - inks).max() <= 1
    assert again.metadata.icc == icc


@pytest.mark.parametrize("format", ["png", "webp", "avif", "gif", "ppm"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_cmyk_becomes_srgb_where_it_must_and_that_is_said(format, dtype, profiles):
    inks = np.zeros((16, 16, 4), dtype)
    inks[..., 1:3] = np.iinfo(dtype).max  # magenta and yellow: red
    picture = Separations.from_array(inks, Metadata(icc=profiles["cmyk"]))
    data, said = recorded(lambda: encode(picture, format))
    assert f"{format} has no CMYK" in said
    red, green, blue = to_float(decode(data).colour)[8, 8]
    assert red > 0.8 and green < 0.3 and blue < 0.35


def test_cmyk_reads_as_srgb_like_it_is_written_as_srgb(profiles):
    inks = stored(4, "uint8")
    picture = Separations.from_array(inks, Metadata(icc=profiles["cmyk"]))
    read_so = decode(encode(picture, "tiff"))
    assert read_so.bits == 8
    difference = to_float(read_so.colour) - picture.to_srgb().colour
    assert np.abs(difference).max() < 0.6 / 255
    assert read_so.metadata.icc[16:20] == b"RGB "


def test_gif_keeps_256_colours_and_what_is_transparent():
    colours = np.arange(192, dtype=np.uint8).reshape(16, 12)
    array = np.dstack([colours, colours[::-1], 255 - colours, np.full_like(colours, 255)])
    array[4:6] = 0
    again = decode(encode(Picture.from_array(array), "gif"))
    seen = array[..., 3] > 0
    np.testing.assert_array_equal(again.alpha > 127, seen)
    assert np.abs(again.colour[seen].astype(int) - array[seen][:, :3]).max() <= 8


def test_inks_under_transparency_are_not_printed():
    inks = np.zeros((16, 16, 5), np.uint8)
    inks[..., :4] = (90, 60, 30, 255)
    inks[4:12, 4:12, 4] = 255
    data, said = recorded(lambda: encode(Separations.from_array(inks), "jpeg", quality=100))
    assert said.count("laid on white") == 1
    (held,) = decode_pages(data, keep_cmyk=True)
    assert held.array()[:2].max() <= 2  # bare paper
    assert np.abs(held.array()[6:10, 6:10].astype(int) - (90, 60, 30, 255)).max() <= 3
