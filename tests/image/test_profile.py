"""Colours through ICC profiles, beside what Little CMS makes of them."""

import io

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from bigpicture.image import (
    ImageWarning,
    Metadata,
    Picture,
    decode,
    encode,
    quantise,
    read_pages,
    to_srgb,
    write_pages,
)
from bigpicture.image.formats import in_srgb
from bigpicture.image.profile import space_of, srgb_profile

RNG = np.random.default_rng(5)
RGB = RNG.integers(0, 256, (16, 16, 3), dtype=np.uint8)
WIDE = ["display-p3", "adobe-rgb", "adobe-rgb-linear", "adobe-rgb-sampled", "adobe-rgb-srgb-curve"]


def by_little_cms(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    gray = pixels.shape[2] == 1
    image = Image.fromarray(pixels[..., 0] if gray else pixels)
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    target = ImageCms.createProfile("sRGB")
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    shown = ImageCms.profileToProfile(
        image, source, target, renderingIntent=intent, outputMode="RGB"
    )
    return np.array(shown)[..., : pixels.shape[2]]


@pytest.mark.parametrize("name", [*WIDE, "table", "gray-2.2", "gray-sampled"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_colours_are_those_of_little_cms(profiles, name, dtype):
    levels = RGB[..., :1] if name.startswith("gray") else RGB
    scale = {"uint8": 1, "uint16": 257, "float32": np.float32(1 / 255)}[dtype]
    stored = (levels.astype(np.float32) * scale).astype(dtype)
    converted = to_srgb(Picture(stored, metadata=Metadata(icc=profiles[name])))
    assert converted.bits == 32
    expected = by_little_cms(levels, profiles[name]).astype(int)
    found = quantise(converted.colour, 8).astype(int)
    difference = np.abs(found - expected)
    # Its own sRGB curve is a table: in the dark, where that is steep, it is off by some levels.
    assert difference.max() <= 3
    assert difference.mean() < 0.3
    icc = converted.metadata.icc
    assert icc is None if name.startswith("gray") else space_of(icc) == "RGB"


@pytest.mark.parametrize("name", [*WIDE, "gray-2.2", "gray-sampled"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_black_and_white_stay_black_and_white_exactly(profiles, name, dtype):
    channels = 1 if name.startswith("gray") else 3
    top = 1 if dtype == "float32" else np.iinfo(dtype).max
    pixels = np.array([0, top], dtype).reshape(1, 2, 1).repeat(channels, 2)
    converted = to_srgb(Picture(pixels, metadata=Metadata(icc=profiles[name]))).at_depth(16)
    assert converted.colour[0, 0].tolist() == [0] * channels
    assert converted.colour[0, 1].tolist() == [65535] * channels


@pytest.mark.parametrize("name", WIDE)
def test_floats_keep_what_srgb_does_not_have(profiles, name):
    green = np.array([[[0, 1, 0], [0, 2, 0]]], np.float32)
    converted = to_srgb(Picture(green, metadata=Metadata(icc=profiles[name])))
    assert converted.colour[0, 0, 0] < -0.5 or name == "display-p3"
    assert converted.colour[0, 1, 1] > 1.3


def test_16_bits_are_rounded_once(profiles):
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    gray = to_srgb(Picture(levels, metadata=Metadata(icc=profiles["gray-2.2"])))
    light = (levels / 65535.0) ** (563 / 256)
    exact = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(gray.colour - exact).max() < 0.1 / 65535


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_srgb_pictures_are_left_alone(profiles, dtype):
    for icc in (None, profiles["srgb"], srgb_profile()):
        picture = Picture(RGB.astype(dtype), metadata=Metadata(icc=icc))
        assert to_srgb(picture) is picture


def test_alpha_is_no_colour(profiles):
    alpha = RGB[..., 0].copy()
    picture = Picture(RGB, alpha, Metadata(icc=profiles["adobe-rgb"]))
    np.testing.assert_array_equal(to_srgb(picture).at_depth(8).alpha, alpha)


def test_profiles_that_do_not_fit_are_dropped_and_said(profiles):
    for icc in (b"junk" * 99, profiles["gray-2.2"], profiles["cmyk"], profiles["adobe-rgb"][:200]):
        picture = Picture(RGB, metadata=Metadata(icc=icc))
        with pytest.warns(ImageWarning, match="ICC profile cannot be used"):
            converted = to_srgb(picture)
        assert converted.metadata.icc is None
        np.testing.assert_array_equal(converted.colour, RGB)


@pytest.mark.filterwarnings("ignore::bigpicture.image.ImageWarning")
@settings(max_examples=150)
@given(st.data())
def test_no_profile_is_too_broken(profiles, data):
    name = data.draw(
        st.sampled_from(["adobe-rgb", "adobe-rgb-srgb-curve", "gray-sampled", "table"])
    )
    broken = bytearray(profiles[name])
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    broken = bytes(broken[: data.draw(st.integers(1, len(broken)))])
    pixels = RGB[..., :1] if name.startswith("gray") else RGB
    converted = to_srgb(Picture(pixels, metadata=Metadata(icc=broken)))
    assert np.isfinite(converted.colour.astype(float)).all()


@pytest.mark.parametrize("format", ["webp", "avif"])
def test_gray_with_a_profile_keeps_its_tones_where_it_becomes_rgb(profiles, format):
    levels = np.full((16, 16, 1), 128, np.uint8)
    again = decode(encode(Picture(levels, metadata=Metadata(icc=profiles["gray-sampled"])), format))
    expected = by_little_cms(levels, profiles["gray-sampled"])[0, 0, 0]
    assert np.abs(again.colour.astype(int) - expected).max() <= 1


def test_ppm_which_has_no_profile_gets_the_colours(profiles):
    again = decode(encode(Picture(RGB, metadata=Metadata(icc=profiles["adobe-rgb"])), "ppm"))
    expected = by_little_cms(RGB, profiles["adobe-rgb"]).astype(int)
    assert np.abs(again.colour - expected).max() <= 3


def test_little_cms_is_there():
    assert pyvips.type_find("VipsOperation", "icc_transform")


def test_a_sampled_curve_goes_on_above_white_as_steep_as_it_ends(profiles):
    levels = np.array([62 / 63, 1, 64 / 63, 3], np.float32).reshape(1, 4, 1)
    gray = to_srgb(Picture(levels, metadata=Metadata(icc=profiles["gray-sampled"]))).colour
    light = ((gray.ravel() + 0.055) / 1.055) ** 2.4
    steps = np.diff(light) / np.diff(levels.ravel())
    np.testing.assert_allclose(steps, steps[0], rtol=1e-3)


def test_a_gray_profile_like_srgb_is_left_out_where_gray_becomes_rgb(tmp_path, profiles):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    picture = Picture(levels, metadata=Metadata(icc=profiles["gray-srgb"]))
    assert to_srgb(picture) is picture
    assert in_srgb(picture, "webp").metadata.icc is None
    for format in ("webp", "avif"):
        again = decode(encode(picture, format, lossless=True))
        assert again.metadata.icc is None
        np.testing.assert_array_equal(again.colour, np.broadcast_to(levels, (16, 16, 3)))
    write_pages([picture, picture], tmp_path / "a.webp", lossless=True)
    assert b"ICCP" not in (tmp_path / "a.webp").read_bytes()


@pytest.mark.parametrize("second", [None, "srgb", "display-p3"])
def test_frames_of_different_profiles_become_srgb(tmp_path, profiles, second):
    flat = np.full((8, 8, 3), (30, 200, 90), np.uint8)
    icc = None if second is None else profiles[second]
    frames = [
        Picture(flat, metadata=Metadata(icc=profiles["adobe-rgb"])),
        Picture(flat, metadata=Metadata(icc=icc)),
    ]
    write_pages(frames, tmp_path / "a.webp", lossless=True)
    for page, frame in zip(read_pages(tmp_path / "a.webp"), frames, strict=True):
        found = to_srgb(page).at_depth(8).colour
        np.testing.assert_array_equal(found, to_srgb(frame).at_depth(8).colour)


def test_frames_of_one_profile_keep_it(tmp_path, profiles):
    flat = np.full((8, 8, 3), (30, 200, 90), np.uint8)
    frame = Picture(flat, metadata=Metadata(icc=profiles["adobe-rgb"]))
    write_pages([frame, frame], tmp_path / "a.webp", lossless=True)
    for page in read_pages(tmp_path / "a.webp"):
        np.testing.assert_array_equal(page.colour, flat)
        assert page.metadata.icc == profiles["adobe-rgb"]
