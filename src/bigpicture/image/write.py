"""Write image files: PNG, JPEG, WebP, TIFF, AVIF, GIF, PPM; the format comes from the suffix.

    picture, or pages ──what the format holds──▶ ──encoded──▶ temporary file ──renamed──▶ path

`bigpicture.image.formats` lists what each format can hold; a warning says what is lost. A file
under its final name is always complete, since it is written under a temporary name in the same
folder and then renamed. It is written while it is encoded, so a picture may be larger than memory.
"""

import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

import pyvips

from bigpicture.image.encoders import ENCODERS, write_frames
from bigpicture.image.formats import FORMATS, WITH_PAGES, check_sides, held_by
from bigpicture.image.inks import Separations
from bigpicture.image.picture import ImageError, Picture
from bigpicture.image.save import saving
from bigpicture.image.tiff import TiffPages

DEFAULT_QUALITY = 95
"""Quality of JPEG, WebP and AVIF, high because enlargements are looked at closely."""

_DELAY = 100  # milliseconds, for frames without a stated time


def write(
    picture: Picture | Separations,
    path: str | os.PathLike[str],
    *,
    quality: int | None = None,
    lossless: bool = False,
) -> None:
    """Write a picture to a file, in the format of its suffix, at a depth that the format can hold.

    An existing file is replaced only when the new one is complete. A symbolic link is followed.

    Args:
        picture: Picture to write.
        path: A file in an existing folder.
        quality: 1 to 100 for JPEG, WebP and AVIF, `DEFAULT_QUALITY` if None; the other formats
            ignore it.
        lossless: Write WebP or AVIF without loss (AVIF keeps 12 of 16 bits).

    Raises:
        ImageError: If the suffix names no format, the format cannot hold the picture, or the
            file cannot be written.
        ValueError: If `quality` is out of range, or `lossless` is set for JPEG or GIF.

    Warns:
        ImageWarning: If the format cannot hold the whole picture.
    """
    format = _format_of(path)
    with _named(path):
        quality, held = _checked(format, quality, lossless), _held(picture, format)
        with saving(_place(path)) as file, _explained(format, file):
            ENCODERS[format](held, file, quality, lossless)


def encode(
    picture: Picture | Separations,
    format: str,
    *,
    quality: int | None = None,
    lossless: bool = False,
) -> bytes:
    """Return the content of an image file; like `write`, but in memory.

    Args:
        picture: Picture to encode.
        format: One of the values of `FORMATS`.
        quality: As in `write`.
        lossless: As in `write`.

    Raises:
        ImageError: If the format cannot hold the picture, or libvips cannot write it.
        ValueError: If an argument is out of range.
    """
    quality, held = _checked(format, quality, lossless), _held(picture, format)
    with _explained(format):
        file = io.BytesIO()
        ENCODERS[format](held, file, quality, lossless)
        return file.getvalue()


def write_pages(
    pictures: Iterable[Picture | Separations],
    path: str | os.PathLike[str],
    *,
    delays: Sequence[int] = (),
    loop: int = 0,
    quality: int | None = None,
    lossless: bool = False,
) -> None:
    """Write the pages of a TIFF, or the frames of a WebP or GIF animation.

    TIFF pages are written one by one, with at most two in memory; frames are all held in memory.

    Args:
        pictures: At least one; frames must have one size.
        path: As in `write`.
        delays: Milliseconds for which each frame is shown; missing ones are 100.
        loop: How often an animation is repeated; 0 means forever.
        quality: As in `write`.
        lossless: As in `write`.

    Raises:
        ImageError: As in `write`, or if the format holds only one picture, or frames differ in
            size.
        ValueError: As in `write`.
    """
    format = _format_of(path)
    quality = _checked(format, quality, lossless)
    with _named(path):
        if format not in WITH_PAGES:
            raise ImageError(f"{format} holds one picture; write TIFF, or WebP or GIF to animate")
        place = _place(path)
        with saving(place) as file:
            if format == "tiff":
                _write_pages(pictures, file, place.parent, quality, lossless)
            else:
                held = _frames(pictures, format)
                delays = (*delays, *[_DELAY] * len(held))[: len(held)]
                with _explained(format, file):
                    write_frames(held, file, format, quality, lossless, delays, loop)


def _write_pages(
    pictures: Iterable[Picture | Separations],
    file: BufferedIOBase,
    folder: Path,
    quality: int,
    lossless: bool,
) -> None:
    pages = TiffPages(file)
    for picture in pictures:
        held = _held(picture, "tiff")
        with tempfile.TemporaryFile(dir=folder) as page:
            with _explained("tiff", page):
                ENCODERS["tiff"](held, page, quality, lossless)
            pages.append(page)
        file.flush()
    pages.finish()


def _frames(pictures: Iterable[Picture | Separations], format: str) -> list[Picture]:
    shown: list[Picture | Separations] = []
    for picture in pictures:
        check_sides(format, picture.height, picture.width)
        if shown and (picture.height, picture.width) != (shown[0].height, shown[0].width):
            raise ImageError(f"frames of {format} must have one size; write the pages to TIFF")
        shown.append(picture)
    if not shown:
        raise ImageError("there are no frames")
    as_srgb = len({picture.metadata.icc for picture in shown}) > 1  # a file has one profile
    held = []
    for picture in shown:
        frame = held_by(picture, format, as_srgb=as_srgb)
        assert isinstance(frame, Picture), "no animation holds CMYK"
        held.append(frame)
    return held


def _held(picture: Picture | Separations, format: str) -> Picture | Separations:
    check_sides(format, picture.height, picture.width)
    return held_by(picture, format)


def _format_of(path: str | os.PathLike[str]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise ImageError(f"cannot write {os.fspath(path)!r}: its suffix must be one of {known}")
    return FORMATS[suffix]


def _place(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(os.path.realpath(path))
    except ValueError as error:
        raise ImageError(f"it is not a valid file name: {error}") from error


def _checked(format: str, quality: int | None, lossless: bool) -> int:
    """Return the quality to write with, after checking that the format supports the options."""
    if format not in ENCODERS:
        raise ValueError(f"format is {format!r}; it must be one of {', '.join(ENCODERS)}")
    quality = DEFAULT_QUALITY if quality is None else quality
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is {quality}; it must be 1 to 100")
    if lossless and format in ("jpeg", "gif"):
        raise ValueError(
            f"lossless is True, which {format} cannot be; write PNG, WebP, TIFF or AVIF"
        )
    saver = "heifsave_buffer" if format == "avif" else f"{format}save_buffer"
    if format != "ppm" and not pyvips.type_find("VipsOperation", saver):
        raise ImageError(f"this libvips cannot write {format}; install pyvips-binary")
    return quality


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file in errors."""
    try:
        yield
    except (ImageError, OSError) as error:
        raise ImageError(f"cannot write {os.fspath(path)!r}: {error}") from error


@contextmanager
def _explained(format: str, file: BufferedIOBase | None = None) -> Iterator[None]:
    try:
        yield
    except (pyvips.Error, MemoryError) as error:
        if file is not None and (wall := _wall(file)) is not None:  # the picture is not at fault
            raise ImageError(wall) from error
        raise ImageError(f"libvips cannot write this {format}: {_reason(error)}") from error


def _wall(file: BufferedIOBase) -> str | None:
    """Return why a file accepts no more data, or None if it does; the file is discarded anyway.

    libvips' own message may be lost, because its threads and all pictures share one error buffer.
    """
    left = 2**16
    try:
        os.lseek(file.fileno(), 0, os.SEEK_END)
        while left:  # if not everything fits, a part is written before the error
            left -= os.write(file.fileno(), bytes(left))
    except OSError as error:
        return error.strerror
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, pyvips.Error):
        return " ".join(str(error.detail or error.message).split())[:300]
    return "it does not fit into memory; write TIFF, or a smaller picture"
