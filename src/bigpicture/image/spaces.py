"""Which pixels a decoded file becomes: gray, RGB or CMYK, in the depth that the file has.

    gray, gray+alpha, RGB, RGBA   as stored: no gamma, no profile is applied, the profile is kept
    palette                       the colours it names (the loaders look them up)
    CMYK                          as stored, or sRGB, through the profile or libvips' own
    CIELAB                        sRGB

Lab is not converted back; the picture's profile is then sRGB's and no longer the one it had.
"""

import pyvips

from bigpicture.image.profile import srgb_profile, through_profile

_DEPTHS = ("uchar", "ushort", "float")
_AS_STORED = ("b-w", "grey16", "srgb", "rgb", "rgb16", "scrgb", "multiband", "histogram")
_LAB = ("lab", "labs", "labq")


def known_colours(image: pyvips.Image, keep_cmyk: bool = False) -> pyvips.Image:
    """Return `image` as gray or RGB, with its alpha if it has one, in the depth it has.

    Args:
        image: As it was loaded.
        keep_cmyk: Leave CMYK as it is.

    Raises:
        ValueError: If the file's colours or numbers are of a kind that no picture holds.
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
    """Return the profile that describes `image`, which was read in the space `before`."""
    if before == "cmyk" and image.interpretation != "cmyk":
        return srgb_profile()
    if before in _LAB:
        return None
    return profile


def blob(image: pyvips.Image, field: str) -> bytes | None:
    """Return a block of bytes that a file has beside its pixels, None if it has none."""
    found = image.get(field) if image.get_typeof(field) else None
    return found if isinstance(found, bytes) else None
