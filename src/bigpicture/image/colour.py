"""Which pixels a decoded file becomes: gray or RGB, in the depth that the file has.

    gray, gray+alpha, RGB, RGBA   as stored: no gamma, no profile is applied, the profile is kept
    palette                       the colours it names (the loaders look them up)
    CMYK                          sRGB, through the embedded profile or, without one, libvips' own
    CIELAB                        sRGB
    10 and 12 bit                 16 bit, white on white: v · 65535 / (2ᵇ − 1), rounded

A network sees CMYK and Lab only as sRGB, and they are not converted back; the picture's profile
is then sRGB's and no longer the one that was stored. Numbers change their depth here alone.
"""

import numpy as np
import pyvips
from jaxtyping import Float32, Shaped

BITS = {"uint8": 8, "uint16": 16, "float32": 32}
DTYPES = {bits: np.dtype(name) for name, bits in BITS.items()}
DEPTHS = ("uchar", "ushort", "float")
AS_STORED = ("b-w", "grey16", "srgb", "rgb", "rgb16", "scrgb", "multiband", "histogram")


def to_gray_or_rgb(image: pyvips.Image) -> pyvips.Image:
    """Return `image` as gray or RGB, with its alpha if it has one, in the depth it has.

    Raises:
        ValueError: If the file's colours or numbers are of a kind that no picture holds.
    """
    if image.interpretation == "cmyk":
        deep = 16 if image.format == "ushort" else 8
        # Relative colorimetric with black point compensation is what photo editors and print
        # shops show: without it, dark CMYK pictures come out flat and gray.
        image = image.icc_transform(
            "srgb",
            embedded=True,
            input_profile="cmyk",
            depth=deep,
            intent="relative",
            black_point_compensation=True,
        )
    elif image.interpretation in ("lab", "labs", "labq"):
        image = image.colourspace("rgb16" if image.format == "short" else "srgb")
    elif image.interpretation not in AS_STORED:
        raise ValueError(f"its colours are {image.interpretation}; convert it to RGB or gray")
    if image.format not in DEPTHS:
        raise ValueError(
            f"its numbers are {image.format}; convert it to 8 or 16 bits without a sign, "
            "or to 32-bit floats"
        )
    if image.bands > 4:
        raise ValueError(f"it has {image.bands} channels; a picture has 1 to 4, alpha included")
    return image


def profile_after(image: pyvips.Image, before: str, profile: bytes | None) -> bytes | None:
    """Return the profile that describes `image`, which was read in the space `before`."""
    if before == "cmyk":  # the transformation has put sRGB's in place of the stored one
        return blob(image, "icc-profile-data")
    return None if before in ("lab", "labs", "labq") else profile


def blob(image: pyvips.Image, field: str) -> bytes | None:
    """Return a block of bytes that a file has beside its pixels, None if it has none."""
    found = image.get(field) if image.get_typeof(field) else None
    return found if isinstance(found, bytes) else None


def to_float(stored: Shaped[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    """Return stored numbers as float32 in which 1 is white. Floats are returned as they are.

    >>> to_float(np.array([0, 51, 255], np.uint8)).tolist()
    [0.0, 0.20000000298023224, 1.0]
    """
    if stored.dtype == np.float32:
        return stored
    return np.divide(stored, np.float32(np.iinfo(stored.dtype).max), dtype=np.float32)


def quantise(values: Float32[np.ndarray, "..."], bits: int) -> Shaped[np.ndarray, "..."]:
    """Return the nearest stored number, halves to the even one; the inverse of `to_float`.

    Args:
        values: Floats in which 1 is white; what lies outside [0, 1] is clipped.
        bits: 8 or 16; 32 keeps the floats, unclipped.

    Raises:
        ValueError: If `bits` is none of these, or `values` has a NaN, which has no nearest level.

    >>> quantise(np.array([-1, 0.5, 2], np.float32), 8).tolist()
    [0, 128, 255]
    """
    if bits not in DTYPES:
        raise ValueError(f"bits is {bits}; it must be 8, 16 or 32")
    if np.isnan(values).any():
        raise ValueError("values has NaNs, which are no colours; run the network in float32")
    if bits == 32:
        return values
    levels = np.multiply(values, np.float32(2**bits - 1))
    np.clip(np.rint(levels, out=levels), 0, 2**bits - 1, out=levels)
    return levels.astype(DTYPES[bits])


def widen(stored: Shaped[np.ndarray, "..."], bits: int) -> Shaped[np.ndarray, "..."]:
    """Return numbers of 10 or 12 bits, which libvips shifts up to 16, on the full 16-bit range.

    Shifted alone, white would be 65472 or 65520 and a white page would come out slightly gray.

    >>> widen(np.array([0, 4095 << 4], np.uint16), 12).tolist()
    [0, 65535]
    """
    if stored.dtype != np.uint16 or bits >= 16:
        return stored
    top = 2**bits - 1
    levels = (stored >> (16 - bits)).astype(np.uint32)
    return ((levels * 65535 + top // 2) // top).astype(np.uint16)


def narrow(stored: Shaped[np.ndarray, "..."], bits: int) -> Shaped[np.ndarray, "..."]:
    """Return 16-bit numbers as libvips takes those of 10 or 12 bits; `widen` undoes it.

    >>> narrow(np.array([0, 65535], np.uint16), 12).tolist()
    [0, 65520]
    """
    levels = (stored.astype(np.uint32) * (2**bits - 1) + 32767) // 65535
    return (levels << (16 - bits)).astype(np.uint16)
