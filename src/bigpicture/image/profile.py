"""ICC profiles: convert pictures in any colour space to sRGB, in unrounded floats.

    (h, w, c) ──curves──▶ light ──matrix──▶ XYZ under D50 ──matrix──▶ sRGB's light ──curve──▶ sRGB

This path serves profiles of three curves and a matrix (Display P3, Adobe RGB, ProPhoto) and of one
curve (gray, which stays gray); colours outside sRGB come out below 0 or above 1. Profiles made of
tables, and all CMYK, go through libvips (Little CMS) in 16 bits.

Source: ICC.1:2010 "Image technology colour management", sections 8.3, 10.5, 10.15 (profiles of
    version 2 and 4); IEC 61966-2-1 (sRGB).
"""

import functools
import struct
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyvips
from jaxtyping import Float32, Float64, Shaped

from bigpicture.image.colour import quantise, to_float
from bigpicture.image.exif import said_srgb
from bigpicture.image.picture import ImageWarning, Picture

_Curve = Callable[[Shaped[np.ndarray, "n"]], Float64[np.ndarray, "n"]]

_WHITE = np.array([0.9642, 1.0, 0.8249])  # D50, rounded as in profiles
_TO_XYZ = np.array(  # sRGB's primaries under D50
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
_BLOCK = 2**20  # pixels computed at once
_SAME = 2e-3
"""Half a level of 255. A profile that changes no colour by this much counts as one of the many
versions of sRGB's profile, and pictures with it are left unchanged."""


@functools.cache
def srgb_profile() -> bytes:
    """Return an ICC profile of sRGB."""
    return pyvips.Operation.call("profile_load", "srgb")


def space_of(icc: bytes) -> str:
    """Return the colour space of a profile, such as "RGB", "GRAY" or "CMYK"; "" if it is invalid.

    >>> space_of(srgb_profile()), space_of(b"no profile")
    ('RGB', '')
    """
    return icc[16:20].decode("latin-1").strip() if icc[36:40] == b"acsp" else ""


def to_srgb(picture: Picture) -> Picture:
    """Return a picture converted to sRGB, in floats; unchanged if its profile is sRGB's or missing.

    Warns:
        ImageWarning: If its profile is damaged or for other colours; the profile is then dropped.
    """
    icc = picture.metadata.icc
    if icc is None:
        return picture
    try:
        with np.errstate(all="ignore"):  # the results of a damaged profile are checked below
            if _is_srgb(icc, picture.is_gray):
                return picture
            colour = _converted(picture.colour, icc)
        if not np.isfinite(colour).all():
            raise ValueError("the profile makes colours that are not finite")
    except (ValueError, pyvips.Error):
        warnings.warn(
            "its ICC profile cannot be used and is dropped: its colours are taken for sRGB's",
            ImageWarning,
            stacklevel=2,
        )
        return replace(picture, metadata=replace(picture.metadata, icc=None))
    alpha = None if picture.alpha is None else to_float(picture.alpha)
    # Gray without a profile means sRGB's gray, for which there is no common profile.
    profile = None if picture.is_gray else srgb_profile()
    return Picture(colour, alpha, replace(said_srgb(picture.metadata), icc=profile))


@functools.lru_cache(8)  # most pictures of a batch have the same profile
def _is_srgb(icc: bytes, gray: bool) -> bool:
    levels = np.linspace(0, 1, 9, dtype=np.float32)
    colours = levels[:, None] if gray else np.stack(np.meshgrid(*[levels] * 3), -1).reshape(-1, 3)
    probe = colours[None]
    return bool(np.abs(_converted(probe, icc) - probe).max() < _SAME)


def _converted(colour: Shaped[np.ndarray, "h w c"], icc: bytes) -> Float32[np.ndarray, "h w c"]:
    channels = colour.shape[2]
    if space_of(icc) != ("GRAY" if channels == 1 else "RGB"):
        raise ValueError(f"the profile is for {space_of(icc)!r}")
    tags = _tags(icc)
    if any(name.startswith((b"A2B", b"D2B")) for name in tags):
        return _by_table(colour, icc)
    names = (b"kTRC",) if channels == 1 else (b"rTRC", b"gTRC", b"bTRC")
    curves = [_curve(_tag(tags, name)) for name in names]
    matrix = np.eye(1)
    if channels == 3:
        columns = [_xyz(_tag(tags, name)) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        matrix = np.linalg.inv(_to_white(_TO_XYZ)) @ _to_white(np.stack(columns, 1))
    return _by_matrix(colour, curves, matrix.astype(np.float32))


def _by_matrix(
    colour: Shaped[np.ndarray, "h w c"], curves: list[_Curve], matrix: Float32[np.ndarray, "c c"]
) -> Float32[np.ndarray, "h w c"]:
    stored = colour.reshape(-1, len(curves))
    result = np.empty(stored.shape, np.float32)
    tables = None
    if colour.dtype != np.float32:
        levels = to_float(np.arange(np.iinfo(colour.dtype).max + 1, dtype=colour.dtype))
        tables = [curve(levels).astype(np.float32) for curve in curves]
    for start in range(0, len(stored), _BLOCK):
        block = stored[start : start + _BLOCK]
        light = np.empty(block.shape, np.float32)
        for channel, curve in enumerate(curves):
            values = block[:, channel]
            light[:, channel] = curve(values) if tables is None else tables[channel][values]
        result[start : start + _BLOCK] = _encoded(light @ matrix.T)
    return result.reshape(colour.shape)


def _by_table(colour: Shaped[np.ndarray, "h w c"], icc: bytes) -> Float32[np.ndarray, "h w c"]:
    """Return colours converted by Little CMS in 16 bits, clipped to sRGB."""
    pixels = np.ascontiguousarray(quantise(to_float(colour), 16))
    height, width, bands = pixels.shape
    image = pyvips.Image.new_from_memory(pixels.data, width, height, bands, "ushort")
    found = through_profile(
        image.copy(interpretation="grey16" if bands == 1 else "rgb16"), icc, depth=16
    )
    planes = to_float(found.numpy().reshape(height, width, -1))
    return planes[..., :bands].copy()


def through_profile(
    image: pyvips.Image, icc: bytes | None, *, depth: int, fallback: str | None = None
) -> pyvips.Image:
    """Convert an image to sRGB with Little CMS, as photo editors and print shops show it.

    The intent is relative colorimetric with black point compensation, without which dark CMYK comes
    out flat and gray.

    Args:
        image: RGB, gray or CMYK, in integers, with or without alpha.
        icc: Its profile; None uses the profile attached to `image`.
        depth: 8 or 16 bits for the result.
        fallback: Name of a libvips profile to use if the image has no usable one.
    """
    if icc is not None:
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)  # pyright: ignore[reportArgumentType]
    options = {} if fallback is None else {"input_profile": fallback}
    return image.icc_transform(
        "srgb",
        embedded=True,
        depth=depth,
        intent="relative",
        black_point_compensation=True,
        **options,
    )


def _tags(icc: bytes) -> dict[bytes, bytes]:
    """Return the elements of a profile by name."""
    (count,) = struct.unpack_from(">I", icc.ljust(132, b"\0"), 128)
    found = {}
    for entry in range(132, 132 + 12 * min(count, (len(icc) - 132) // 12), 12):
        name, start, size = struct.unpack_from(">4sII", icc, entry)
        found[name] = icc[start : start + size]
    return found


def _tag(tags: dict[bytes, bytes], name: bytes) -> bytes:
    if name not in tags:
        raise ValueError(f"the profile has no {name.decode('latin-1')}")
    return tags[name]


def _xyz(element: bytes) -> Float64[np.ndarray, "3"]:
    return _fixed(element, b"XYZ ", 3)


def _fixed(element: bytes, kind: bytes, count: int, start: int = 8) -> Float64[np.ndarray, "n"]:
    if element[:4] != kind or len(element) < start + 4 * count:
        raise ValueError(f"the profile has {element[:4]!r} where {kind!r} must be")
    return np.frombuffer(element, ">i4", count, start) / 65536


def _to_white(matrix: Float64[np.ndarray, "3 3"]) -> Float64[np.ndarray, "3 3"]:
    """Return a matrix with its white adjusted to exactly D50, if it differs only by rounding.

    White pages would otherwise become 65529.
    """
    white = matrix.sum(1)
    return matrix * (_WHITE / white)[:, None] if np.allclose(white, _WHITE, atol=0.005) else matrix


def _curve(element: bytes) -> _Curve:
    """Return the function from a channel to light, mirrored below 0.

    Above 1, formulas continue, and sampled curves go on as steep as they end.
    """
    if element[:4] == b"para":
        curve = _formula(element)
    elif element[:4] == b"curv" and len(element) >= 12:
        curve = _samples(element)
    else:
        raise ValueError(f"the profile has a curve of the kind {element[:4]!r}")
    return lambda x: np.copysign(curve(np.abs(x.astype(np.float64))), x)


def _formula(element: bytes) -> _Curve:
    (kind,) = struct.unpack_from(">H", element.ljust(10, b"\0"), 8)
    if kind > 4:
        raise ValueError(f"the profile has a curve of formula {kind}")
    given = _fixed(element, b"para", (1, 3, 4, 5, 7)[kind], 12)
    g, a, b, c, d, e, f = (*given, *[0.0] * (7 - len(given)))
    if kind == 0:
        return lambda x: x**g
    if kind < 3:  # (ax + b)ᵍ + c where ax + b is positive, else c
        return lambda x: np.maximum(a * x + b, 0) ** g + c
    # (ax + b)ᵍ + e from d on, cx + f below it
    return lambda x: np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)


def _samples(element: bytes) -> _Curve:
    (count,) = struct.unpack_from(">I", element, 8)
    if len(element) < 12 + 2 * count:
        raise ValueError("the profile has a curve that is cut short")
    values = np.frombuffer(element, ">u2", count, 12)
    if count == 0:
        return lambda x: x
    if count == 1:
        return lambda x: x ** (values[0] / 256)
    at, light = np.linspace(0, 1, count), values / 65535
    slope = (light[-1] - light[-2]) * (count - 1)
    return lambda x: np.interp(x, at, light) + slope * np.maximum(x - 1, 0)


def _encoded(light: Float32[np.ndarray, "n c"]) -> Float32[np.ndarray, "n c"]:
    """Return light encoded with sRGB's curve, mirrored below 0."""
    size = np.abs(light)
    curved = np.float32(1.055) * size ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.copysign(np.where(size <= 0.0031308, np.float32(12.92) * size, curved), light)
