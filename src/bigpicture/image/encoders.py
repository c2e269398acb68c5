"""Pictures that a format can hold ──libvips──▶ bytes of a file.

    Picture, or Separations, as `held_by` leaves it ──pixels and metadata──▶ bytes
    pictures of one size ──one below the other──▶ bytes of an animation

A file without a stated resolution gets 72 dpi where one must be stated.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyvips

from bigpicture.image.colour import narrow
from bigpicture.image.exif import write_tiff
from bigpicture.image.inks import Separations
from bigpicture.image.iptc import wrapped_iptc
from bigpicture.image.picture import ImageWarning, Picture
from bigpicture.image.ppm import encode_ppm

_DPI_72 = (72 / 25.4, 72 / 25.4)
_JPEG_SEGMENT = 65_000  # bytes of EXIF, XMP or IPTC; the two bytes of its length allow few more
_VIPS_NAMES = {  # of the numbers, of gray, of RGB
    8: ("uchar", "b-w", "srgb"),
    16: ("ushort", "grey16", "rgb16"),
    32: ("float", "b-w", "scrgb"),
}
_KEEP_ALL, _KEEP_ALL_BUT_EXIF = 0x1F, 0x1E


def _encode_png(picture: Picture, quality: int, lossless: bool) -> bytes:
    return _image(picture).pngsave_buffer(keep=_keep(picture))


def _encode_jpeg(picture: Picture | Separations, quality: int, lossless: bool) -> bytes:
    # Colour is stored at full resolution from quality 90 on: libvips' "auto".
    metadata = picture.metadata
    metadata = replace(
        metadata,
        exif=_fitting("EXIF", metadata.exif),
        xmp=_fitting("XMP", metadata.xmp),
        iptc=_fitting("IPTC", metadata.iptc and wrapped_iptc(metadata.iptc)),
    )
    picture = picture.with_metadata(metadata)
    return _image(picture).jpegsave_buffer(Q=quality, optimize_coding=True, keep=_keep(picture))


def _encode_webp(picture: Picture, quality: int, lossless: bool) -> bytes:
    return _webp(_image(picture), picture, quality, lossless)


def _webp(image: pyvips.Image, picture: Picture, quality: int, lossless: bool) -> bytes:
    return image.webpsave_buffer(
        Q=quality,
        lossless=lossless,
        exact=lossless,  # colours under full transparency too
        smart_subsample=not lossless,
        keep=_keep(picture),
    )


def _encode_tiff(picture: Picture | Separations, quality: int, lossless: bool) -> bytes:
    plain = picture.with_metadata(replace(picture.metadata, iptc=None))
    data = _image(plain).tiffsave_buffer(
        compression="deflate",
        predictor="float" if picture.bits == 32 else "horizontal",
        resunit="inch",
        bigtiff=picture.array().nbytes > 3 * 2**30,  # classic TIFF ends at 4 GiB
    )
    return write_tiff(data, picture.metadata, picture.height, picture.width)


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


def encode_frames(
    pictures: Sequence[Picture],
    format: str,
    quality: int,
    lossless: bool,
    delays: Sequence[int] = (),
    loop: int = 0,
) -> bytes:
    """Return an animation, or a still GIF of one frame.

    Args:
        pictures: 8-bit frames of one size.
        format: webp or gif.
        quality: As in `bigpicture.image.write`.
        lossless: As in `bigpicture.image.write`.
        delays: Milliseconds that each frame is shown.
        loop: How often all are repeated; 0 is for ever.
    """
    first = pictures[0]
    deep = any(picture.alpha is not None for picture in pictures)
    frames = [_as_rgb(picture, deep) for picture in pictures]
    image = _image(Picture.from_array(np.concatenate(frames), first.metadata))
    if len(pictures) > 1:
        image.set_type(pyvips.GValue.gint_type, "page-height", first.height)
        image.set_type(pyvips.GValue.array_int_type, "delay", list(delays))
        image.set_type(pyvips.GValue.gint_type, "loop", loop)
    if format == "gif":
        return image.gifsave_buffer(keep=_keep(first))
    return _webp(image, first, quality, lossless)


def _as_rgb(picture: Picture, with_alpha: bool) -> np.ndarray:
    colour = np.broadcast_to(picture.colour, (picture.height, picture.width, 3))
    if not with_alpha:
        return colour
    opaque = np.full(colour.shape[:2], 255, np.uint8)
    return np.dstack([colour, opaque if picture.alpha is None else picture.alpha])


ENCODERS: dict[str, Callable[[Any, int, bool], bytes]] = {
    "png": _encode_png,
    "jpeg": _encode_jpeg,  # this and TIFF take Separations too
    "webp": _encode_webp,
    "tiff": _encode_tiff,
    "avif": _encode_avif,
    "gif": lambda picture, quality, lossless: encode_frames([picture], "gif", quality, lossless),
    "ppm": lambda picture, quality, lossless: encode_ppm(picture),
}
"""What writes each of the formats: a picture, a quality of 1 to 100, whether to lose nothing."""


def _image(picture: Picture | Separations) -> pyvips.Image:
    """Return a libvips image of the pixels and metadata, which it does not copy."""
    pixels = np.ascontiguousarray(picture.array())
    height, width, bands = pixels.shape
    number, gray, colour = _VIPS_NAMES[picture.bits]
    metadata = picture.metadata
    across, down = metadata.pixels_per_mm or _DPI_72
    image = pyvips.Image.new_from_memory(pixels.data, width, height, bands, number)
    space = gray if bands < 3 else colour
    if isinstance(picture, Separations):
        space = "cmyk"
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


def _keep(picture: Picture | Separations) -> int:
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
