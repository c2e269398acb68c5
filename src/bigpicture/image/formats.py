"""What each image format can store, and how a picture is adapted to it.

    format      depths        alpha  lossy   ICC EXIF XMP IPTC dpi   CMYK pages  largest side
    PNG         8, 16         yes    no      yes yes  yes  -   yes   -    -
    TIFF        8, 16, float  yes    no      yes yes  yes yes  yes   yes  yes
    JPEG        8             white  yes     yes yes  yes yes  yes   yes  -      65500
    WebP        8             yes    yes     yes yes  yes  -   EXIF  -    frames 16383
    AVIF        8, 12         yes    yes     yes yes  yes  -   EXIF  -    -      16384
    GIF         8             0 or 1 palette  -   -    -   -    -    -    frames 65535
    PPM, PGM    8, 16         white  no       -   -    -   -    -    -    -

A picture that a format cannot hold is adapted to it, with an `ImageWarning`: a greater depth is
rounded once (floats become 16 bits in PNG, 12 in AVIF), alpha is composited on white, or becomes 0
or 1 in GIF, CMYK becomes sRGB, and so do colours with a profile where the format can store none.
WebP, AVIF and GIF store gray as three equal channels.
"""

import warnings
from dataclasses import replace

import numpy as np
from jaxtyping import Shaped

from bigpicture.image.colour import at_depth, to_float
from bigpicture.image.exif import sized
from bigpicture.image.inks import Separations
from bigpicture.image.picture import ImageError, ImageWarning, Metadata, Picture
from bigpicture.image.profile import space_of, to_srgb
from bigpicture.image.spool import bands, by_rows

FORMATS = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".avif": "avif",
    ".gif": "gif",
    ".ppm": "ppm",
    ".pgm": "ppm",
}
"""Formats by file name suffix in lower case."""

DEEPEST = {"png": 16, "jpeg": 8, "webp": 8, "tiff": 32, "avif": 16, "gif": 8, "ppm": 16}
_SAID = {"avif": 12}  # bits in the file; libvips takes 16
_ANY_SIDE = 10**8  # the longest that libvips takes
LARGEST_SIDE = {"jpeg": 65500, "webp": 16383, "avif": 16384, "gif": 65535}
WITH_PAGES = ("tiff", "webp", "gif")
_WITH_CMYK = ("tiff", "jpeg")
_WITHOUT_ALPHA = ("jpeg", "ppm")
_WITHOUT_SOFT_ALPHA = ("gif",)
_WITHOUT_GRAY = ("webp", "avif", "gif")
_WITHOUT_METADATA = ("gif", "ppm")
_WITH_IPTC = ("tiff", "jpeg")


def check_sides(format: str, height: int, width: int) -> None:
    """Check that a format can hold a picture of this size.

    Raises:
        ImageError: If it cannot.
    """
    side, limit = max(height, width), LARGEST_SIDE.get(format, _ANY_SIDE)
    if side > limit:
        advice = "write PNG or TIFF" if side <= _ANY_SIDE else "make a smaller picture"
        raise ImageError(f"{format} holds {limit} pixels a side, not {side}; {advice}")


def held_by(
    picture: Picture | Separations, format: str, *, as_srgb: bool = False
) -> Picture | Separations:
    """Return a picture adapted to what a format can hold.

    Alpha is composited on white in the stored numbers, without linearising them. Every value is
    rounded at most once.

    Args:
        picture: A picture.
        format: One of the values of `FORMATS`.
        as_srgb: Convert the colours to sRGB even if the format can store their profile.

    Warns:
        ImageWarning: If depth, alpha, inks, EXIF, XMP, IPTC or a mismatched profile are lost.
    """
    deepest = DEEPEST[format]
    bits = min(picture.bits, deepest)
    if picture.bits > _SAID.get(format, deepest):
        stored = "floats" if picture.bits == 32 else f"{picture.bits} bits"
        _warn(
            f"{format} holds {_SAID.get(format, deepest)} bits: the picture's {stored} are rounded"
        )
    if as_srgb or must_be_srgb(picture, format):
        picture = in_srgb(picture, format)
    if isinstance(picture, Separations):
        colour, black = _without_alpha(picture.colour, format, bits), picture.black
        if picture.colour.alpha is not None and colour.alpha is None:
            # transparency applies to the black ink too
            black = _on_white(replace(black, alpha=picture.colour.alpha), bits)
        held = Separations(colour.at_depth(bits), black.at_depth(bits))
        return held.with_metadata(_held_metadata(held, format))
    picture = _without_alpha(picture, format, bits).at_depth(bits)
    if format in _WITHOUT_SOFT_ALPHA and _is_soft(picture.alpha):
        _warn(
            f"{format} has no partial transparency: each pixel becomes transparent or opaque; "
            "write PNG, WebP, TIFF or AVIF to keep it"
        )
    return picture.with_metadata(_held_metadata(picture, format))


def must_be_srgb(picture: Picture | Separations, format: str) -> bool:
    """Return whether a format can hold a picture only in sRGB, as it cannot store its profile."""
    if isinstance(picture, Separations):
        return format not in _WITH_CMYK
    icc = picture.metadata.icc
    if icc is None:
        return False
    gray = picture.is_gray and space_of(icc) == "GRAY"
    return format in _WITHOUT_METADATA or (gray and format in _WITHOUT_GRAY)


def in_srgb(picture: Picture | Separations, format: str) -> Picture:
    """Return a picture in sRGB for a format that needs it; colours that change become floats.

    Warns:
        ImageWarning: If the picture was CMYK.
    """
    if isinstance(picture, Separations):
        _warn(f"{format} has no CMYK: the picture becomes sRGB; write TIFF or JPEG to keep it")
        picture = picture.to_srgb()
    else:
        picture = to_srgb(picture)
    if format in _WITHOUT_METADATA or picture.is_gray:
        picture = picture.with_metadata(replace(picture.metadata, icc=None))
    return picture


def _without_alpha(picture: Picture, format: str, bits: int) -> Picture:
    """Composite a picture on white, in `bits`, if a format has no transparency."""
    if picture.alpha is None or format not in _WITHOUT_ALPHA:
        return picture
    if all((to_float(alpha) >= 1).all() for (alpha,) in bands(picture.alpha)):
        return replace(picture, alpha=None)
    _warn(
        f"{format} has no transparency: the picture is laid on white; "
        "write PNG, WebP, TIFF or AVIF to keep it"
    )
    return _on_white(picture, bits)


def _on_white(picture: Picture, bits: int) -> Picture:
    def laid(
        colour: Shaped[np.ndarray, "n w c"], alpha: Shaped[np.ndarray, "n w"]
    ) -> Shaped[np.ndarray, "n w c"]:
        opacity = np.clip(to_float(alpha), 0, 1)[..., None]
        return at_depth(1 + (to_float(colour) - 1) * opacity, bits)

    assert picture.alpha is not None
    return replace(picture, colour=by_rows(laid, picture.colour, picture.alpha), alpha=None)


def _is_soft(alpha: Shaped[np.ndarray, "h w"] | None) -> bool:
    if alpha is None:
        return False
    return any(((rows > 0) & (rows < np.iinfo(alpha.dtype).max)).any() for (rows,) in bands(alpha))


def _held_metadata(picture: Picture | Separations, format: str) -> Metadata:
    """Return the metadata that a format can store; a profile for other colours is dropped."""
    metadata = picture.metadata
    lost = [] if format in _WITH_IPTC else ["iptc"]
    if format in _WITHOUT_METADATA:
        lost += ["exif", "xmp"]
    lost = [name for name in sorted(lost) if getattr(metadata, name)]
    if lost:
        names = " and ".join(name.upper() for name in lost)
        _warn(f"{format} holds no {names}, which is left out; write TIFF to keep it")
    metadata = replace(metadata, **dict.fromkeys(lost))
    if metadata.xmp is not None:
        xmp = sized(metadata.xmp, picture.height, picture.width)
        metadata = replace(metadata, xmp=xmp)
    if metadata.icc is not None:
        wanted = (
            "CMYK" if isinstance(picture, Separations) else "GRAY" if picture.is_gray else "RGB"
        )
        found = space_of(metadata.icc)
        if found != wanted:
            fault = f"for {found}, not for {wanted}," if found else "damaged"
            _warn(f"its ICC profile is {fault} and is left out")
            metadata = replace(metadata, icc=None)
    return metadata


def _warn(text: str) -> None:
    warnings.warn(text, ImageWarning, stacklevel=3)
