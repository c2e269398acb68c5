"""Read image files: PNG, JPEG, WebP, TIFF, AVIF, GIF (first frame), PPM and its kin.

    path ──▶ bytes ──kind by content──▶ header ──size allowed?──▶ pixels ──turned upright──▶ Picture

A file is what its content says, not its suffix, and only these kinds are handed to a decoder.
The bytes are read here and not by libvips, which takes brackets in a file name for options and
wants UTF-8. The size is checked before a pixel is decoded. Truncated and damaged files are errors:
the decoders would otherwise fill what is missing with gray.
"""

import os
import re
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyvips
from jaxtyping import Shaped

from bigpicture.image.colour import blob, profile_after, to_gray_or_rgb, widen
from bigpicture.image.exif import EXIF_HEADER, read_tiff, upright
from bigpicture.image.iptc import unwrapped_iptc
from bigpicture.image.picture import ImageError, Metadata, Picture, check_size
from bigpicture.image.ppm import decode_ppm

MAX_PIXELS = 2**30
"""Most pixels that `read` decodes unless told otherwise: 32768 × 32768, 3 GiB as 8-bit RGB."""

_SIGNATURES = (
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("TIFF", re.compile(rb"II[*+]\x00|MM\x00[*+]")),
    ("AVIF", re.compile(rb"....ftyp(avi[fs]|mif1|msf1|miaf|hei[cx])", re.DOTALL)),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("PPM", re.compile(rb"P[1-6][\s#]")),
)
_LOADERS = {
    "PNG": "pngload_buffer",
    "JPEG": "jpegload_buffer",
    "WebP": "webpload_buffer",
    "TIFF": "tiffload_buffer",
    "AVIF": "heifload_buffer",
    "GIF": "gifload_buffer",
}
_SIDEWAYS = (5, 6, 7, 8)  # orientations that turn rows into columns
READABLE = ", ".join(kind for kind, _ in _SIGNATURES)


def read(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read an image file, upright, in the depth and colours that it has.

    Args:
        path: A file; any name that the system allows.
        max_pixels: Refuse a file of more pixels than this, from its header alone.

    Raises:
        ImageError: If there is no such file, it cannot be read, is no image, is damaged or
            truncated, or is larger than `max_pixels`.
    """
    return decode(_bytes_of(path), name=repr(os.fspath(path)), max_pixels=max_pixels)


def decode(data: bytes, *, name: str = "the image", max_pixels: int = MAX_PIXELS) -> Picture:
    """Return the picture that the content of an image file holds; as `read`, without a file.

    Args:
        data: Content of the file.
        name: What errors call it.
        max_pixels: Refuse an image of more pixels than this, from its header alone.

    Raises:
        ImageError: If `data` is no image, is damaged or truncated, or too large.
    """
    kind = _kind(data, name)
    try:
        if kind == "PPM":
            return decode_ppm(data, max_pixels)
        return _decode_vips(data, kind, max_pixels)
    except (pyvips.Error, ValueError, OverflowError, MemoryError) as error:
        raise ImageError(f"cannot read {name} ({kind}): {explain(error)}") from error


def explain(error: Exception) -> str:
    """Return what went wrong in one line; libvips gives many, with seeks among them."""
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    if not isinstance(error, pyvips.Error):
        return str(error)
    lines = dict.fromkeys(line.strip() for line in str(error.detail).splitlines())
    told = [line for line in lines if line and "bad seek" not in line]
    reason = "; ".join(told)[:300] or error.message
    if "ompression" in reason or "codec" in reason:
        return f"{reason}; this libvips lacks the codec, convert the file to another format"
    return f"{reason}; the file is damaged or cut short, fetch or save it again"


def _bytes_of(path: str | os.PathLike[str]) -> bytes:
    name = repr(os.fspath(path))
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise ImageError(f"{name} is a folder; give the image files in it")
        if not stat.S_ISREG(mode):
            raise ImageError(f"{name} is a device or a pipe; save the image to a file first")
        with Path(path).open("rb") as file:
            _kind(file.read(64), name)  # before some film of 50 GB is read to its end
            file.seek(0)
            return file.read()
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist; check its spelling and the folder") from error
    except PermissionError as error:
        raise ImageError(f"{name} may not be read; check its permissions") from error
    except (OSError, MemoryError) as error:
        raise ImageError(f"cannot read {name}: {error}") from error
    except ValueError as error:
        raise ImageError(f"{name} can be no file's name: {error}") from error


def _kind(data: bytes, name: str) -> str:
    if not data:
        raise ImageError(f"{name} is empty (0 bytes); fetch or save it again")
    for kind, signature in _SIGNATURES:
        if signature.match(data):
            return kind
    raise ImageError(f"{name} is no image of a kind that can be read, which are {READABLE}")


def _decode_vips(data: bytes, kind: str, max_pixels: int) -> Picture:
    if not pyvips.type_find("VipsOperation", _LOADERS[kind]):
        raise ValueError("this libvips reads none; install pyvips-binary, which does")
    # Sequential access keeps libvips from caching the operation, and with it the pixels.
    load = getattr(pyvips.Image, _LOADERS[kind])
    stored = load(data, access="sequential", fail_on="error")
    check_size(stored.width, stored.height, max_pixels)
    image = to_gray_or_rgb(stored)
    pixels = image.numpy().reshape(image.height, image.width, image.bands)
    if pixels.dtype == np.float32 and not np.isfinite(pixels).all():
        raise ValueError("it has pixels that are not finite; replace them by numbers")
    if kind == "AVIF":
        pixels = widen(pixels, int(stored.get("bits-per-sample")))
    turn = stored.get("orientation") if stored.get_typeof("orientation") else 1
    metadata = _metadata(stored)
    if kind == "TIFF":
        metadata = read_tiff(data, metadata)
    density = metadata.pixels_per_mm
    metadata = replace(
        upright(metadata),
        icc=profile_after(image, stored.interpretation, metadata.icc),
        pixels_per_mm=density[::-1] if density and turn in _SIDEWAYS else density,
    )
    return Picture.from_array(turned(pixels, turn), metadata)


def turned(pixels: Shaped[np.ndarray, "h w d"], orientation: int) -> Shaped[np.ndarray, "h2 w2 d"]:
    """Return pixels as they are to be seen, by the EXIF orientation 1 to 8; others turn nothing.

    >>> turned(np.array([[[1], [2]]]), 6).tolist()
    [[[1]], [[2]]]
    """
    if orientation in _SIDEWAYS:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _metadata(image: pyvips.Image) -> Metadata:
    exif, iptc = blob(image, "exif-data"), blob(image, "iptc-data")
    if exif is not None and not exif.startswith(EXIF_HEADER):
        exif = EXIF_HEADER + exif
    # A file that states no resolution gets libvips' default, one pixel per millimetre.
    density = (image.xres, image.yres)
    stated = density != (1.0, 1.0) and all(0 < side < 1e6 for side in density)
    return Metadata(
        icc=blob(image, "icc-profile-data"),
        exif=exif,
        xmp=blob(image, "xmp-data"),
        iptc=None if iptc is None else unwrapped_iptc(iptc),
        pixels_per_mm=density if stated else None,
    )
