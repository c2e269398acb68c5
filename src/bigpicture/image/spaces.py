"""Conversion of decoded files to gray, RGB or CMYK, mostly unchanged, in the file's depth.

    gray, gray+alpha, RGB, RGBA   as stored: no gamma or profile is applied, the profile is kept
    palette                       the colours it names (the loaders look them up)
    CMYK                          as stored, or sRGB, by the file's profile or libvips' own
    CIELAB                        sRGB

Neither CMYK in sRGB nor Lab is converted back: the file's own profile is then dropped.
"""

import pyvips

from bigpicture.image.profile import srgb_profile, through_profile

_DEPTHS = ("uchar", "ushort", "float")
_AS_STORED = ("b-w", "grey16", "srgb", "rgb", "rgb16", "scrgb", "multiband", "histogram")
_LAB = ("lab", "labs", "labq")


def known_colours(image: pyvips.Image, keep_cmyk: bool = False) -> pyvips.Image:
    """Return `image` as gray, RGB or CMYK, with its alpha, if any, at its own depth.

    Args:
        image: As it was loaded.
        keep_cmyk: Keep CMYK of 8 or 16 bits instead of converting it to sRGB.

    Raises:
        ValueError: If a picture cannot hold the file's colours or numbers.
    """
    cmyk = image.interpretation == "cmyk"
    if cmyk and not (keep_cmyk and image.format in ("uchar", "ushort")):
        deep = 16 if image.format == "ushort" else 8
        image = through_profile(image, None, depth=deep, fallback="cmyk")
    elif image.interpretation in _LAB:
        image = image.colourspace("rgb16" if image.format == "short" else "srgb")
    elif not cmyk and image.interpretation not in _AS_STORED:
        raise ValueError(f"its colours are {image.interpretation}; convert it to RGB or gray")
    if image.format not in _DEPTHS:
        raise ValueError(
            f"its numbers are {image.format}; convert it to 8 or 16 bits without a sign, "
            "or to 32-bit floats"
        )
    most = 5 if image.interpretation == "cmyk" else 4
    if image.bands > most:
        raise ValueError(f"it has {image.bands} channels; a picture has 1 to 4, alpha included")
    return image


def profile_after(image: pyvips.Image, before: str, profile: bytes | None) -> bytes | None:
    """Return the profile of `image`, which had the colour space `before` when it was loaded."""
    if before == "cmyk" and image.interpretation != "cmyk":
        return srgb_profile()
    if before in _LAB:
        return None
    return profile


def blob(image: pyvips.Image, field: str) -> bytes | None:
    """Return a metadata field that holds a block of bytes, or None if there is none."""
    found = image.get(field) if image.get_typeof(field) else None
    return found if isinstance(found, bytes) else None
