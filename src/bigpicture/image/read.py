"""Read image files: PNG, JPEG, WebP, TIFF, AVIF, GIF, and PPM, PGM and PBM; one page or all.

    path ──▶ content ──kind by its first bytes──▶ Pages ──the first, or each──▶ Picture

The kind of a file follows from its content, not its suffix, and only these kinds reach a decoder.
Files are opened here and not by libvips, which takes brackets in a file name for options and
requires UTF-8. Large files are read piece by piece while they are decoded.
"""

import os
import re
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyvips

from bigpicture.image.content import Content, content_of
from bigpicture.image.inks import Separations
from bigpicture.image.load import Loader
from bigpicture.image.picture import ImageError, ImageWarning, Picture
from bigpicture.image.ppm import decode_ppm
from bigpicture.image.stated import png_chunks, stated_space

MAX_PIXELS = 2**30
"""Most pixels that `read` decodes by default: 32768 × 32768, 3 GiB as 8-bit RGB."""

_START = 2**20  # bytes at the start that are searched for animation and colour space
_SIGNATURES = (
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("TIFF", re.compile(rb"II[*+]\x00|MM\x00[*+]")),
    ("AVIF", re.compile(rb"....ftyp(avi[fs]|(mif1|msf1|miaf)....(....){0,9}avi[fs])", re.DOTALL)),
    ("HEIC", re.compile(rb"....ftyp(hei[cx]|mif1|msf1|miaf)", re.DOTALL)),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("PPM", re.compile(rb"P[1-6][\s#]")),
)
_NO_CODEC = re.compile(r"compression (support|format|scheme)|codec", re.IGNORECASE)
READABLE = ", ".join(kind for kind, _ in _SIGNATURES if kind != "HEIC")  # few libvips have HEVC


@dataclass(frozen=True)
class Pages:
    """The pages of a file, or the frames of an animation; most files have one.

    Iterating decodes pages one by one, but frames, which build on each other, all together.

    Args:
        numbers: Page numbers in the file.
        delays: Milliseconds for which each frame is shown; empty without animation.
        loop: How often an animation is repeated; 0 means forever.
        load: Yields the pages with the given numbers.
        name: Name of the file in error messages.
    """

    numbers: list[int]
    delays: tuple[int, ...]
    loop: int
    load: Callable[[list[int]], Iterator[Picture | Separations]]
    name: str

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Picture | Separations]:
        with _explained(self.name):
            yield from self.load(self.numbers)

    def first(self, remedy: str = "") -> Picture | Separations:
        """Return the first page or frame.

        Args:
            remedy: What gives the others, to be said with the warning.

        Raises:
            ImageError: If it is damaged, truncated or too large.

        Warns:
            ImageWarning: If there are others.
        """
        if len(self) > 1:
            what = "frames" if self.delays else "pages"
            text = f"{self.name} has {len(self)} {what}, of which only the first is taken"
            warnings.warn(f"{text}; {remedy}" if remedy else text, ImageWarning, stacklevel=2)
        with _explained(self.name):
            return next(self.load(self.numbers[:1]))


def read(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read an image file, upright, in its own depth and colours, but CMYK as sRGB.

    Args:
        path: A file; any name that the system allows.
        max_pixels: Refuse a file of more pixels than this, judging by its header alone.

    Raises:
        ImageError: If the file does not exist, cannot be read, is no image, is damaged or
            truncated, or has more pixels than `max_pixels`.

    Warns:
        ImageWarning: If only a part is read, such as the first of several pages or frames.
    """
    return _picture(read_pages(path, max_pixels=max_pixels))


def decode(data: bytes, *, name: str = "the image", max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode the content of an image file; like `read`, but from memory.

    Args:
        data: Content of the file.
        name: Name of the image in error messages.
        max_pixels: Refuse an image of more pixels than this, judging by its header alone.

    Raises:
        ImageError: If `data` is no image, is damaged or truncated, or is too large.
    """
    return _picture(decode_pages(data, name=name, max_pixels=max_pixels))


def read_pages(
    path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS, keep_cmyk: bool = False
) -> Pages:
    """Open all pages or frames of an image file, which are decoded on demand.

    Args:
        path: A file; any name that the system allows.
        max_pixels: Refuse a page, or an animation, of more pixels than this.
        keep_cmyk: Read CMYK as `Separations` and not as sRGB.

    Raises:
        ImageError: If the file does not exist, cannot be read, or is no image.
    """
    name = repr(os.fspath(path))
    return _pages_of(_content_at(path), name=name, max_pixels=max_pixels, keep_cmyk=keep_cmyk)


def is_image(path: str | os.PathLike[str]) -> bool:
    """Return whether a file exists and begins like an image. No pixel is decoded."""
    try:
        with Path(path).open("rb") as file:
            _kind(file.read(64), "")
    except (OSError, ValueError):
        return False
    return True


def decode_pages(
    data: bytes,
    *,
    name: str = "the image",
    max_pixels: int = MAX_PIXELS,
    keep_cmyk: bool = False,
) -> Pages:
    """Open all pages in the content of an image file; like `read_pages`, but from memory.

    Args:
        data: Content of the file.
        name: Name of the image in error messages.
        max_pixels: As in `read_pages`.
        keep_cmyk: As in `read_pages`.

    Raises:
        ImageError: If `data` is no image.
    """
    return _pages_of(data, name, max_pixels, keep_cmyk)


def _pages_of(data: Content, name: str, max_pixels: int, keep_cmyk: bool) -> Pages:
    with _explained(name):
        start = data[:_START]
    kind = _kind(start, name)
    called = f"{name} ({kind})"
    if kind == "PPM":
        return Pages([0], (), 0, lambda _: iter([decode_ppm(data, max_pixels)]), called)
    animated = b"acTL" in png_chunks(start) if kind == "PNG" else start[8:12] == b"avis"
    if animated:
        _warn(
            f"{called} is animated; only GIF and WebP animations are read: its first frame is taken"
        )
    stated = stated_space(start, kind)
    if stated is not None:
        _warn(
            f"{called} states {stated}, but has no profile: its colours are taken for sRGB's; "
            "convert it to sRGB first, or embed a profile"
        )
    loader = Loader(data, kind, max_pixels, keep_cmyk)
    with _explained(called):
        return Pages(*loader.facts(), loader.pages, called)


def _warn(text: str) -> None:
    warnings.warn(text, ImageWarning, stacklevel=4)


def _picture(pages: Pages) -> Picture:
    first = pages.first()
    assert isinstance(first, Picture), "CMYK was not asked for"
    return first


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except (pyvips.Error, ValueError, OverflowError, MemoryError, OSError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"cannot read {name}: {explain(error)}") from error


def explain(error: Exception) -> str:
    """Return an error's reason in one line; libvips gives several, some of them only noise."""
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    if not isinstance(error, pyvips.Error):
        return str(error)
    lines = dict.fromkeys(line.strip() for line in str(error.detail).splitlines())
    told = [line for line in lines if line and "bad seek" not in line]
    reason = "; ".join(told)[:300] or error.message
    if _NO_CODEC.search(reason):
        return f"{reason}; this libvips lacks the codec, convert the file to another format"
    return f"{reason}; the file is damaged or cut short, fetch or save it again"


def _content_at(path: str | os.PathLike[str]) -> Content:
    name = repr(os.fspath(path))
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise ImageError(f"{name} is a folder; give the image files in it")
        if not stat.S_ISREG(mode):
            raise ImageError(f"{name} is a device or a pipe; save the image to a file first")
        file = Path(path).open("rb")  # noqa: SIM115 - stays open as long as its content is needed
        try:
            _kind(file.read(64), name)  # refuse, say, a 50 GB video before it is read
            return content_of(file)
        except BaseException:
            file.close()
            raise
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist; check its spelling and the folder") from error
    except PermissionError as error:
        raise ImageError(f"{name} may not be read; check its permissions") from error
    except (OSError, MemoryError) as error:
        raise ImageError(f"cannot read {name}: {error}") from error
    except ValueError as error:
        raise ImageError(f"{name} is not a valid file name: {error}") from error


def _kind(data: bytes, name: str) -> str:
    if not data:
        raise ImageError(f"{name} is empty (0 bytes); fetch or save it again")
    for kind, signature in _SIGNATURES:
        if signature.match(data):
            return kind
    raise ImageError(f"{name} is not an image of a kind that can be read: {READABLE}")
