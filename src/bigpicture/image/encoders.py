"""Encoders, mostly by libvips, for pictures that already fit their format.

    Picture or Separations, from `held_by` ──pixels and metadata──▶ file, on disk or in memory
    pictures of one size ──one below the other──▶ file of an animation

A file on disk is written while it is encoded. The encoders of PNG, TIFF, JPEG and PPM hold only a
few rows at a time; those of WebP, AVIF and GIF need the whole picture, whose size they limit.

A picture without a resolution gets 72 dpi in formats that must state one.
"""

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BufferedIOBase
from typing import Any

import numpy as np
import pyvips
from jaxtyping import Shaped

from bigpicture.image.colour import narrow
from bigpicture.image.inks import Separations
from bigpicture.image.iptc import wrapped_iptc
from bigpicture.image.picture import ImageWarning, Picture
from bigpicture.image.ppm import write_ppm
from bigpicture.image.spool import LARGE, by_rows, let_go
from bigpicture.image.tiff import CLASSIC_END, add_metadata

_DPI_72 = (72 / 25.4, 72 / 25.4)
_JPEG_SEGMENT = 65_000  # most bytes of EXIF, XMP or IPTC; a 16-bit length allows few more
_VIPS_NAMES = {  # libvips' names of the number type, of gray and of RGB
    8: ("uchar", "b-w", "srgb"),
    16: ("ushort", "grey16", "rgb16"),
    32: ("float", "b-w", "scrgb"),
}
_KEEP_ALL, _KEEP_ALL_BUT_EXIF = 0x1F, 0x1E


_SPARE = 2**30  # bytes, more than deflate and metadata can add to a file


def _write_png(picture: Picture, file: BufferedIOBase, quality: int, lossless: bool) -> None:
    _save(picture, file, "pngsave", keep=_keep(picture))


def _write_jpeg(
    picture: Picture | Separations, file: BufferedIOBase, quality: int, lossless: bool
) -> None:
    # Colour is stored at full resolution from quality 90 on: libvips' "auto".
    metadata = picture.metadata
    metadata = replace(
        metadata,
        exif=_fitting("EXIF", metadata.exif),
        xmp=_fitting("XMP", metadata.xmp),
        iptc=_fitting("IPTC", metadata.iptc and wrapped_iptc(metadata.iptc)),
    )
    picture = picture.with_metadata(metadata)
    small = _nbytes(picture) < LARGE  # optimising the code keeps all coefficients in memory
    _save(picture, file, "jpegsave", Q=quality, optimize_coding=small, keep=_keep(picture))


def _write_webp(picture: Picture, file: BufferedIOBase, quality: int, lossless: bool) -> None:
    _save(picture, file, "webpsave", **_webp(picture, quality, lossless))


def _webp(picture: Picture, quality: int, lossless: bool) -> dict[str, Any]:
    return {
        "Q": quality,
        "lossless": lossless,
        "exact": lossless,  # keep the colours of fully transparent pixels too
        "smart_subsample": not lossless,
        "keep": _keep(picture),
    }


def _write_tiff(
    picture: Picture | Separations, file: BufferedIOBase, quality: int, lossless: bool
) -> None:
    _save(
        picture.with_metadata(replace(picture.metadata, iptc=None)),
        file,
        "tiffsave",
        compression="deflate",
        predictor="float" if picture.bits == 32 else "horizontal",
        resunit="inch",
        bigtiff=_nbytes(picture) > CLASSIC_END - _SPARE,
    )
    add_metadata(file, picture.metadata, picture.height, picture.width)


def _write_avif(picture: Picture, file: BufferedIOBase, quality: int, lossless: bool) -> None:
    deep = picture.bits == 16
    if deep:
        alpha = None if picture.alpha is None else by_rows(_twelve_bits, picture.alpha)
        picture = Picture(by_rows(_twelve_bits, picture.colour), alpha, picture.metadata)
    _save(
        picture,
        file,
        "heifsave",
        compression="av1",
        Q=quality,
        lossless=lossless,
        bitdepth=12 if deep else 8,
        keep=_keep(picture),
    )


def _twelve_bits(stored: np.ndarray) -> np.ndarray:
    return narrow(stored, 12)


def write_frames(
    pictures: Sequence[Picture],
    file: BufferedIOBase,
    format: str,
    quality: int,
    lossless: bool,
    delays: Sequence[int] = (),
    loop: int = 0,
) -> None:
    """Write an animation, or a still image if there is one frame.

    Args:
        pictures: 8-bit frames of one size and in the colours of one profile.
        file: Empty file, open for writing.
        format: "webp" or "gif".
        quality: As in `bigpicture.image.write`.
        lossless: As in `bigpicture.image.write`.
        delays: Milliseconds for which each frame is shown.
        loop: How often the animation is repeated; 0 means forever.
    """
    first = pictures[0]
    with_alpha = any(picture.alpha is not None for picture in pictures)
    frames = [_as_rgb(picture, with_alpha) for picture in pictures]
    joined = Picture.from_array(np.concatenate(frames), first.metadata)
    fields: list[tuple[int, str, Any]] = []
    if len(pictures) > 1:
        fields = [
            (pyvips.GValue.gint_type, "page-height", first.height),
            (pyvips.GValue.array_int_type, "delay", list(delays)),
            (pyvips.GValue.gint_type, "loop", loop),
        ]
    options = {"keep": _keep(first)} if format == "gif" else _webp(first, quality, lossless)
    _save(joined, file, f"{format}save", fields, **options)


def _as_rgb(picture: Picture, with_alpha: bool) -> np.ndarray:
    colour = np.broadcast_to(picture.colour, (picture.height, picture.width, 3))
    if not with_alpha:
        return colour
    opaque = np.full(colour.shape[:2], 255, np.uint8)
    return np.dstack([colour, opaque if picture.alpha is None else picture.alpha])


def _write_gif(picture: Picture, file: BufferedIOBase, quality: int, lossless: bool) -> None:
    write_frames([picture], file, "gif", quality, lossless)


def _write_ppm(picture: Picture, file: BufferedIOBase, quality: int, lossless: bool) -> None:
    write_ppm(picture, file)


ENCODERS: dict[str, Callable[[Any, BufferedIOBase, int, bool], None]] = {
    "png": _write_png,
    "jpeg": _write_jpeg,  # accepts Separations, like TIFF
    "webp": _write_webp,
    "tiff": _write_tiff,
    "avif": _write_avif,
    "gif": _write_gif,
    "ppm": _write_ppm,
}
"""Encoder of each format. It takes the picture, an empty file open for reading and writing, the
quality (1 to 100), and whether to write losslessly."""


def _save(
    picture: Picture | Separations,
    file: BufferedIOBase,
    saver: str,
    fields: Sequence[tuple[int, str, Any]] = (),
    **options: Any,  # noqa: ANN401 - libvips' options
) -> None:
    """Write a picture with one of libvips' savers, to disk or to memory."""
    pixels = np.ascontiguousarray(picture.array())
    image = _image(picture, pixels)
    for kind, name, value in fields:
        image.set_type(kind, name, value)
    if isinstance(file, io.BytesIO):
        file.write(getattr(image, f"{saver}_buffer")(**options))
        return
    if pixels.nbytes >= LARGE:
        image.set_progress(True)
        image.signal_connect("eval", lambda *_: let_go(pixels))
    target = pyvips.Target.new_to_descriptor(file.fileno())
    getattr(image, f"{saver}_target")(target, **options)


def _nbytes(picture: Picture | Separations) -> int:
    """Return the uncompressed size of the pixels in bytes."""
    if isinstance(picture, Separations):
        return _nbytes(picture.colour) + picture.black.colour.nbytes
    return picture.colour.nbytes + (0 if picture.alpha is None else picture.alpha.nbytes)


def _image(picture: Picture | Separations, pixels: Shaped[np.ndarray, "h w d"]) -> pyvips.Image:
    """Return a libvips image that shares a picture's pixels and carries its metadata."""
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
    metadata = picture.metadata  # without a resolution, keep libvips from making up an EXIF block
    return _KEEP_ALL if metadata.exif or metadata.pixels_per_mm else _KEEP_ALL_BUT_EXIF


def _fitting(part: str, block: bytes | None) -> bytes | None:
    if block is None or len(block) <= _JPEG_SEGMENT:
        return block
    others = "TIFF" if part == "IPTC" else "PNG or TIFF"
    warnings.warn(
        f"{part} has {len(block)} bytes, more than JPEG holds, and is left out; write {others}",
        ImageWarning,
        stacklevel=2,
    )
    return None
