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
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyvips
from jaxtyping import Shaped

from bigpicture.image.colour import blob, profile_after, to_gray_or_rgb, widen
from bigpicture.image.picture import (
    EXIF_HEADER,
    ImageError,
    Metadata,
    Picture,
    read_tiff,
    upright,
)

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
            return _decode_ppm(data, max_pixels)
        return _decode_vips(data, kind, max_pixels)
    except (pyvips.Error, ValueError, MemoryError) as error:
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
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist; check its spelling and the folder") from error
    except PermissionError as error:
        raise ImageError(f"{name} may not be read; check its permissions") from error
    except (OSError, MemoryError) as error:
        raise ImageError(f"cannot read {name}: {error}") from error
    except ValueError as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"{name} can be no file's name: {error}") from error


def _kind(data: bytes, name: str) -> str:
    if not data:
        raise ImageError(f"{name} is empty (0 bytes); fetch or save it again")
    for kind, signature in _SIGNATURES:
        if signature.match(data):
            return kind
    raise ImageError(f"{name} is no image of a kind that can be read, which are {READABLE}")


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise ValueError(f"it has {width} × {height} pixels, which is none")
    if width * height > max_pixels:
        raise ValueError(
            f"it has {width} × {height} pixels, more than max_pixels = {max_pixels}; "
            "raise the limit if you trust the file"
        )


def _decode_vips(data: bytes, kind: str, max_pixels: int) -> Picture:
    if not pyvips.type_find("VipsOperation", _LOADERS[kind]):
        raise ValueError("this libvips reads none; install pyvips-binary, which does")
    # Sequential access keeps libvips from caching the operation, and with it the pixels.
    load = getattr(pyvips.Image, _LOADERS[kind])
    stored = load(data, access="sequential", fail_on="error")
    _check_size(stored.width, stored.height, max_pixels)
    image = to_gray_or_rgb(stored)
    pixels = image.numpy().reshape(image.height, image.width, image.bands)
    if pixels.dtype == np.float32 and not np.isfinite(pixels).all():
        raise ValueError("it has pixels that are not finite; replace them by numbers")
    if kind == "AVIF":
        pixels = widen(pixels, int(stored.get("bits-per-sample")))
    turn = stored.get("orientation") if stored.get_typeof("orientation") else 1
    metadata = _metadata(stored)
    metadata = read_tiff(data, metadata) if kind == "TIFF" else metadata
    across = metadata.pixels_per_mm
    metadata = replace(
        upright(metadata),
        icc=profile_after(image, stored.interpretation, metadata.icc),
        pixels_per_mm=(across[1], across[0]) if across and turn in (5, 6, 7, 8) else across,
    )
    return Picture.from_array(turned(pixels, turn), metadata)


def turned(pixels: Shaped[np.ndarray, "h w d"], orientation: int) -> Shaped[np.ndarray, "h2 w2 d"]:
    """Return pixels as they are to be seen, by the EXIF orientation 1 to 8; others turn nothing.

    >>> turned(np.array([[[1], [2]]]), 6).tolist()
    [[[1]], [[2]]]
    """
    if orientation in (5, 6, 7, 8):
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
    across = (image.xres, image.yres)
    stated = across != (1.0, 1.0) and all(0 < side < 1e6 for side in across)
    return Metadata(
        icc=blob(image, "icc-profile-data"),
        exif=exif,
        xmp=blob(image, "xmp-data"),
        iptc=None if iptc is None else unwrapped_iptc(iptc),
        pixels_per_mm=across if stated else None,
    )


def unwrapped_iptc(block: bytes) -> bytes | None:
    """Return the IPTC records of a Photoshop block, as JPEG holds them; others are returned."""
    header = b"Photoshop 3.0\0"
    if not block.startswith(header):
        return block
    position = len(header)
    while block[position : position + 4] == b"8BIM" and position + 12 <= len(block):
        identity = int.from_bytes(block[position + 4 : position + 6], "big")
        # A name with its length first, filled to an even number of bytes, as the data after it.
        size_at = position + 6 + (block[position + 6] + 2) // 2 * 2
        (size,) = struct.unpack(">I", block[size_at : size_at + 4].ljust(4, b"\0"))
        if identity == 0x0404:
            return block[size_at + 4 : size_at + 4 + size]
        position = size_at + 4 + (size + 1) // 2 * 2
    return None


def _decode_ppm(data: bytes, max_pixels: int) -> Picture:
    # libvips' wheels cannot read this format.
    variant = int(data[1:2])
    bitmap, binary = variant in (1, 4), variant > 3
    space = rb"(?:\s|#[^\r\n]*[\r\n])+"
    number = space + rb"(\d{1,9})"
    header = re.match(rb"P\d" + number * (2 if bitmap else 3), data)
    if header is None:
        raise ValueError("its header is incomplete; fetch or save it again")
    width, height, *rest = (int(found) for found in header.groups())
    top = rest[0] if rest else 1
    _check_size(width, height, max_pixels)
    if not 1 <= top <= 65535:
        raise ValueError(f"its largest value is {top}; it must be 1 to 65535")
    shape = (height, width, 3 if variant in (3, 6) else 1)
    body = data[header.end() + 1 :] if binary else re.sub(rb"#[^\r\n]*", b"", data[header.end() :])
    if binary and bitmap:
        row = (width + 7) // 8
        rows = np.frombuffer(body[: min(row * height, len(body) // row * row)], np.uint8)
        values = np.unpackbits(rows.reshape(-1, row), axis=1)[:, :width]
    elif binary:
        word = 2 if top > 255 else 1
        body = body[: width * height * shape[2] * word]
        values = np.frombuffer(body[: len(body) // word * word], f">u{word}")
    else:
        digits = b" ".join(re.findall(rb"[01]", body)) if bitmap else body
        values = np.array([int(value) for value in digits.split()[: np.prod(shape)]], np.int64)
    if values.size != np.prod(shape):
        raise ValueError("it is cut short; fetch or save it again")
    levels = 65535 if top > 255 else 255
    pixels = np.clip(values.reshape(shape).astype(np.float64), 0, top)
    pixels = top - pixels if bitmap else pixels  # 1 is black
    scaled = np.rint(pixels * (levels / top))
    return Picture(scaled.astype(np.uint16 if top > 255 else np.uint8))
