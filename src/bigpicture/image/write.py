"""Write image files: PNG, JPEG, WebP, TIFF, AVIF, PPM; the format comes from the suffix.

    Picture ──what the format holds──▶ pixels, metadata ──libvips──▶ bytes ──▶ temporary ──▶ path

    format      depths        alpha  lossy   ICC EXIF XMP IPTC dpi   largest side
    PNG         8, 16         yes    no      yes yes  yes  -   yes
    TIFF        8, 16, float  yes    no      yes yes  yes yes  yes
    JPEG        8             white  yes     yes yes  yes yes  yes   65535
    WebP        8             yes    yes     yes yes  yes  -   EXIF  16383
    AVIF        8, 12         yes    yes     yes yes  yes  -   EXIF  16384
    PPM, PGM    8, 16         white  no       -   -    -   -    -

What a format cannot hold is brought to what it can: a greater depth is rounded once (floats become
16 bits in PNG, 12 in AVIF), alpha is laid on white with an `ImageWarning`. WebP and AVIF store gray
as three equal channels. A file without a stated resolution gets 72 dpi where one must be stated.

A file under its final name is always whole: it is written beside it and renamed.
"""

import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyvips
from jaxtyping import Shaped

from bigpicture.image.colour import DTYPES, narrow, quantise, to_float
from bigpicture.image.exif import write_tiff
from bigpicture.image.iptc import wrapped_iptc
from bigpicture.image.picture import ImageError, ImageWarning, Picture
from bigpicture.image.ppm import encode_ppm
from bigpicture.image.save import save

DEFAULT_QUALITY = 95
"""Of JPEG, WebP and AVIF: an enlargement is looked at closely, so the loss must stay invisible."""

_DPI_72 = (72 / 25.4, 72 / 25.4)
_JPEG_SEGMENT = 65_000  # bytes of EXIF, XMP or IPTC; the two bytes of its length allow few more
_VIPS_NAMES = {  # of the numbers, of gray, of RGB
    8: ("uchar", "b-w", "srgb"),
    16: ("ushort", "grey16", "rgb16"),
    32: ("float", "b-w", "scrgb"),
}
_KEEP_ALL, _KEEP_ALL_BUT_EXIF = 0x1F, 0x1E

FORMATS = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".avif": "avif",
    ".ppm": "ppm",
    ".pgm": "ppm",
}
"""Format by the suffix of a file's name in small letters."""

_DEEPEST = {"png": 16, "jpeg": 8, "webp": 8, "tiff": 32, "avif": 16, "ppm": 16}
_WITHOUT_ALPHA = ("jpeg", "ppm")
_LARGEST_SIDE = {"jpeg": 65535, "webp": 16383, "avif": 16384}


def write(
    picture: Picture,
    path: str | os.PathLike[str],
    *,
    quality: int | None = None,
    lossless: bool = False,
) -> None:
    """Write a picture to a file, in the format of its suffix and the depth that it can hold.

    An existing file is replaced, only when the new one is complete. A link is followed.

    Args:
        picture: What to write.
        path: A file in a folder that exists.
        quality: 1 to 100 for JPEG, WebP and AVIF, `DEFAULT_QUALITY` if None; PNG, TIFF and PPM
            are lossless and have no use for it.
        lossless: Write WebP or AVIF without loss (AVIF keeps 12 of 16 bits).

    Raises:
        ImageError: If the suffix names no format, the format cannot hold the picture, or the
            file cannot be written.
        ValueError: If `quality` is out of range, or `lossless` asked of JPEG.
    """
    name = repr(os.fspath(path))
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise ImageError(f"cannot write {name}: its suffix must be one of {known}")
    try:
        data = encode(picture, FORMATS[suffix], quality=quality, lossless=lossless)
    except ImageError as error:
        raise ImageError(f"cannot write {name}: {error}") from error
    try:
        save(Path(os.path.realpath(path)), [data])
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot write {name}: {error}") from error


def encode(
    picture: Picture, format: str, *, quality: int | None = None, lossless: bool = False
) -> bytes:
    """Return the content of an image file; as `write`, without a file.

    Args:
        picture: What to write.
        format: One of the values of `FORMATS`.
        quality: As in `write`.
        lossless: As in `write`.

    Raises:
        ImageError: If the format cannot hold the picture, or libvips cannot write it.
        ValueError: If an argument is out of range.
    """
    if format not in _DEEPEST:
        raise ValueError(f"format is {format!r}; it must be one of {', '.join(_DEEPEST)}")
    quality = DEFAULT_QUALITY if quality is None else quality
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is {quality}; it must be 1 to 100")
    if lossless and format == "jpeg":
        raise ValueError("lossless is True, which JPEG cannot be; write PNG, WebP, TIFF or AVIF")
    side, limit = max(picture.height, picture.width), _LARGEST_SIDE.get(format, 2**31 - 1)
    if side > limit:
        raise ImageError(f"{format} holds {limit} pixels a side, not {side}; write PNG or TIFF")
    saver = "heifsave_buffer" if format == "avif" else f"{format}save_buffer"
    if format != "ppm" and not pyvips.type_find("VipsOperation", saver):
        raise ImageError(f"this libvips writes no {format}; install pyvips-binary, which does")
    held = held_by(picture, format)
    try:
        return _ENCODERS[format](held, quality, lossless)
    except (pyvips.Error, MemoryError) as error:
        raise ImageError(f"libvips cannot write this {format}: {_reason(error)}") from error


def held_by(picture: Picture, format: str) -> Picture:
    """Return what is left of a picture in a format: its depth, no alpha where there is none.

    Colours under alpha are laid on white, in the stored numbers, and rounded once.

    Warns:
        ImageWarning: If pixels that are not opaque lose their alpha.
    """
    bits = min(picture.bits, _DEEPEST[format])
    colour, alpha = picture.colour, picture.alpha
    if alpha is not None and format in _WITHOUT_ALPHA:
        opacity, alpha = np.clip(to_float(alpha), 0, 1)[..., None], None
        if opacity.min() < 1:
            warnings.warn(
                f"{format} has no transparency: the picture is laid on white; "
                "write PNG, WebP, TIFF or AVIF to keep it",
                ImageWarning,
                stacklevel=2,
            )
            colour = 1 + (to_float(colour) - 1) * opacity
    alpha = None if alpha is None else _rounded(alpha, bits)
    return Picture(_rounded(colour, bits), alpha, picture.metadata)


def _rounded(pixels: Shaped[np.ndarray, "..."], bits: int) -> Shaped[np.ndarray, "..."]:
    return pixels if pixels.dtype == DTYPES[bits] else quantise(to_float(pixels), bits)


def _reason(error: Exception) -> str:
    if isinstance(error, pyvips.Error):
        return " ".join(str(error.detail or error.message).split())[:300]
    return "it does not fit into memory; write TIFF, or a smaller picture"


def _encode_png(picture: Picture, quality: int, lossless: bool) -> bytes:
    return _image(picture).pngsave_buffer(keep=_keep(picture))


def _encode_jpeg(picture: Picture, quality: int, lossless: bool) -> bytes:
    # Colour is stored at full resolution from quality 90 on: libvips' "auto".
    metadata = picture.metadata
    metadata = replace(
        metadata,
        exif=_fitting("EXIF", metadata.exif),
        xmp=_fitting("XMP", metadata.xmp),
        iptc=_fitting("IPTC", metadata.iptc and wrapped_iptc(metadata.iptc)),
    )
    picture = replace(picture, metadata=metadata)
    return _image(picture).jpegsave_buffer(Q=quality, optimize_coding=True, keep=_keep(picture))


def _encode_webp(picture: Picture, quality: int, lossless: bool) -> bytes:
    return _image(picture).webpsave_buffer(
        Q=quality,
        lossless=lossless,
        exact=lossless,  # colours under full transparency too
        smart_subsample=not lossless,
        keep=_keep(picture),
    )


def _encode_tiff(picture: Picture, quality: int, lossless: bool) -> bytes:
    plain = replace(picture, metadata=replace(picture.metadata, iptc=None))
    data = _image(plain).tiffsave_buffer(
        compression="deflate",
        predictor="float" if picture.bits == 32 else "horizontal",
        resunit="inch",
        bigtiff=picture.array().nbytes > 3 * 2**30,  # classic TIFF ends at 4 GiB
    )
    return write_tiff(data, picture)


def _encode_avif(picture: Picture, quality: int, lossless: bool) -> bytes:
    deep = picture.bits == 16
    if deep:
        alpha = None if picture.alpha is None else narrow(picture.alpha, 12)
        picture = Picture(narrow(picture.colour, 12), alpha, picture.metadata)
    return _image(picture).heifsave_buffer(
        compression="av1",
        Q=quality,
        lossless=lossless,
        bitdepth=12 if deep else 8,
        keep=_keep(picture),
    )


_ENCODERS: dict[str, Callable[[Picture, int, bool], bytes]] = {
    "png": _encode_png,
    "jpeg": _encode_jpeg,
    "webp": _encode_webp,
    "tiff": _encode_tiff,
    "avif": _encode_avif,
    "ppm": lambda picture, quality, lossless: encode_ppm(picture),
}


def _image(picture: Picture) -> pyvips.Image:
    """Return a libvips image of the pixels and metadata, which it does not copy."""
    pixels = np.ascontiguousarray(picture.array())
    height, width, bands = pixels.shape
    number, gray, colour = _VIPS_NAMES[picture.bits]
    metadata = picture.metadata
    across, down = metadata.pixels_per_mm or _DPI_72
    image = pyvips.Image.new_from_memory(pixels.data, width, height, bands, number)
    space = gray if picture.is_gray else colour
    image = image.copy(interpretation=space, xres=across, yres=down)
    blobs = {
        "icc-profile-data": metadata.icc,
        "exif-data": metadata.exif,
        "xmp-data": metadata.xmp,
        "iptc-data": metadata.iptc,
    }
    for field, blob in blobs.items():
        if blob is not None:
            image.set_type(pyvips.GValue.blob_type, field, blob)  # pyright: ignore[reportArgumentType]
    image.set_type(pyvips.GValue.gint_type, "orientation", 1)
    image.set_type(pyvips.GValue.gstr_type, "resolution-unit", "in")
    return image


def _keep(picture: Picture) -> int:
    metadata = picture.metadata  # without a resolution, libvips need not make up an EXIF block
    return _KEEP_ALL if metadata.exif or metadata.pixels_per_mm else _KEEP_ALL_BUT_EXIF


def _fitting(part: str, block: bytes | None) -> bytes | None:
    if block is None or len(block) <= _JPEG_SEGMENT:
        return block
    warnings.warn(
        f"{part} has {len(block)} bytes, more than JPEG holds, and is left out; write PNG or TIFF",
        ImageWarning,
        stacklevel=2,
    )
    return None
