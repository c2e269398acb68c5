"""Decode the content of an image file with libvips into upright pictures with their metadata.

    content ──header──▶ size allowed? ──page or frames──▶ pixels ──turned──▶ Picture or Separations

The size is checked before any pixel is decoded. Truncated and damaged files are errors: the
decoders would otherwise fill the missing parts with gray. TIFF pages that are smaller versions of
other pages do not count as pages.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyvips
from jaxtyping import Shaped

from bigpicture.image.appended import without_appended
from bigpicture.image.associated import is_associated, rounded_quotients
from bigpicture.image.colour import widen
from bigpicture.image.content import Content
from bigpicture.image.directories import claims_fit, directories, full_pages
from bigpicture.image.exif import EXIF_HEADER, read_tiff, upright
from bigpicture.image.gif import check_whole
from bigpicture.image.inks import Separations
from bigpicture.image.iptc import unwrapped_iptc
from bigpicture.image.picture import ImageWarning, Metadata, Picture, check_size
from bigpicture.image.raw import check_developed
from bigpicture.image.spaces import blob, known_colours, profile_after
from bigpicture.image.spool import Spool, bands, by_rows

LOADERS = {
    "PNG": "pngload",
    "JPEG": "jpegload",
    "WebP": "webpload",
    "TIFF": "tiffload",
    "AVIF": "heifload",
    "HEIC": "heifload",
    "GIF": "gifload",
}
_ANIMATED = ("GIF", "WebP")
_DELAY = 100  # milliseconds, if the file does not state a frame's time
_NUMBERS = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}
_ROWS = 2**16  # pixels decoded at once into a spool; libvips keeps as many
_SIDEWAYS = (5, 6, 7, 8)  # orientations that turn rows into columns


@dataclass(frozen=True)
class Loader:
    """The content of a file, and how to read it.

    Args:
        data: The content.
        kind: One of the keys of `LOADERS`.
        max_pixels: Refuse a page, or all frames together, of more pixels than this, judging by the
            header alone.
        keep_cmyk: Read CMYK as `Separations`, not as sRGB.
    """

    data: Content
    kind: str
    max_pixels: int
    keep_cmyk: bool = False

    def facts(self) -> tuple[list[int], tuple[int, ...], int]:
        """Return the page numbers and, for animations, the frame delays (ms) and loop count.

        Raises:
            ValueError: If the file is a camera's raw file, holds only previews, has too many
                pages, or is cut short.
        """
        if self.kind == "TIFF":
            check_developed(self.data)
        if self.kind == "GIF":
            check_whole(self.data)
        header = self._load()
        count = _number(header, "n-pages", 1)
        pages = list(range(count))
        if self.kind == "TIFF":
            pages = full_pages(self.data) or pages
        if self.kind not in _ANIMATED or count < 2:
            return pages, (), 0
        found = header.get("delay") if header.get_typeof("delay") else []
        said = [each for each in found if isinstance(each, int)] if isinstance(found, list) else []
        delays = (*said, *[_DELAY] * count)[:count]
        return pages, delays, _number(header, "loop", 0)

    def page(self, number: int | None) -> Picture | Separations:
        """Return one page or frame; None stands for the primary one."""
        stored = self._load(**({} if number is None else {"page": number}))
        check_size(stored.width, stored.height, self.max_pixels)
        return self._picture(stored, *self._pixels(stored, number or 0), number or 0)

    def pages(self, numbers: list[int]) -> Iterator[Picture | Separations]:
        """Yield pages one by one; frames are decoded together, as each builds on the last."""
        if numbers == [0]:  # also for formats without pages
            yield self.page(None)
            return
        if self.kind not in _ANIMATED or len(numbers) < 2:
            yield from (self.page(number) for number in numbers)
            return
        header = self._load()
        check_size(header.width, header.height * len(numbers), self.max_pixels)
        stored = self._load(n=-1)
        pixels, image = self._pixels(stored, 0)
        frames = pixels.reshape(len(numbers), header.height, *pixels.shape[1:])
        if frames.shape[-1] in (2, 4) and (frames[..., -1] == 255).all():
            frames = frames[..., :-1]  # no frame needs its alpha
        for number in numbers:
            yield self._picture(stored, frames[number], image, number)

    @cached_property
    def _chain(self) -> list[int]:
        return directories(self.data)

    @cached_property
    def _claims_fit(self) -> bool:
        return self.kind == "TIFF" and claims_fit(self.data)

    def _directory(self, page: int) -> int:
        """Return the position of a TIFF page's directory, 0 if it has none."""
        return self._chain[page] if page < len(self._chain) else 0

    def _load(self, **options: Any) -> pyvips.Image:  # noqa: ANN401 - libvips' options
        here = isinstance(self.data, bytes)
        name = f"{LOADERS[self.kind]}_{'buffer' if here else 'source'}"
        if not pyvips.type_find("VipsOperation", name):
            raise ValueError(f"this libvips cannot read {self.kind}; install pyvips-binary")
        # Sequential access keeps libvips from caching the operation, and with it the pixels.
        data = self.data if isinstance(self.data, bytes) else self.data.source()
        # A limit of 50 MB on all of libtiff's memory would refuse layered and very wide pictures.
        if self._claims_fit and "unlimited" in pyvips.Introspect.get(name).optional_input:
            options["unlimited"] = True
        # libvips reports damage within a GIF frame only as a warning.
        strict = "warning" if self.kind == "GIF" else "error"
        return getattr(pyvips.Image, name)(data, access="sequential", fail_on=strict, **options)

    def _pixels(
        self, stored: pyvips.Image, page: int
    ) -> tuple[Shaped[np.ndarray, "h w d"], pyvips.Image]:
        """Return the pixels as an array, and the image that they came from."""
        image = known_colours(stored, self.keep_cmyk)
        pixels = _decoded(image)
        if pixels.dtype == np.float32 and not all(np.isfinite(b).all() for (b,) in bands(pixels)):
            raise ValueError("it has pixels that are not finite; replace them by numbers")
        if self.kind in ("AVIF", "HEIC"):
            bits = _number(stored, "bits-per-sample", 8)
            pixels = by_rows(lambda rows: widen(rows, bits), pixels)
        with_alpha = image is stored and pixels.shape[2] in (2, 4)
        if self.kind == "TIFF" and with_alpha and is_associated(self.data, self._directory(page)):
            pixels = by_rows(rounded_quotients, pixels)
        return pixels, image

    def _picture(
        self,
        stored: pyvips.Image,
        pixels: Shaped[np.ndarray, "h w d"],
        image: pyvips.Image,
        number: int,
    ) -> Picture | Separations:
        turn = _number(stored, "orientation", 1)
        metadata = _metadata(stored)
        if self.kind == "JPEG" and metadata.xmp is not None:
            xmp, appended = without_appended(metadata.xmp)
            metadata = replace(metadata, xmp=xmp)
            for what in appended:
                text = f"its {what}, which is appended to the picture, is left out"
                warnings.warn(text, ImageWarning, stacklevel=2)
        if self.kind == "TIFF":
            metadata = read_tiff(self.data, metadata, self._directory(number))
        density = metadata.pixels_per_mm
        metadata = replace(
            upright(metadata, turn),
            icc=profile_after(image, str(stored.interpretation), metadata.icc),
            pixels_per_mm=density[::-1] if density and turn in _SIDEWAYS else density,
        )
        kind = Separations if image.interpretation == "cmyk" else Picture
        return kind.from_array(turned(pixels, turn), metadata)


def turned(pixels: Shaped[np.ndarray, "h w d"], orientation: int) -> Shaped[np.ndarray, "h2 w2 d"]:
    """Return pixels upright, by the EXIF orientation 1 to 8; other values turn nothing.

    >>> turned(np.array([[[1], [2]]]), 6).tolist()
    [[[1]], [[2]]]
    """
    if orientation in _SIDEWAYS:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels if pixels.flags.c_contiguous else by_rows(np.ascontiguousarray, pixels)


def _decoded(image: pyvips.Image) -> Shaped[np.ndarray, "h w d"]:
    """Return all pixels, in memory or, for large pictures within `spooling`, in a file."""
    spool = Spool((image.height, image.width, image.bands), _NUMBERS[str(image.format)])
    if not spool.on_disk:
        return image.numpy().reshape(image.height, image.width, image.bands)
    region, step = pyvips.Region.new(image), max(1, _ROWS // image.width)
    for top in range(0, image.height, step):
        count = min(step, image.height - top)
        rows = np.frombuffer(region.fetch(0, top, image.width, count), spool.dtype)
        spool.append(rows.reshape(count, image.width, image.bands))
    return spool.array()


def _number(image: pyvips.Image, field: str, default: int) -> int:
    found = image.get(field) if image.get_typeof(field) else default
    return found if isinstance(found, int) else default


def _metadata(image: pyvips.Image) -> Metadata:
    exif, iptc = blob(image, "exif-data"), blob(image, "iptc-data")
    if exif is not None and not exif.startswith(EXIF_HEADER):
        exif = EXIF_HEADER + exif
    # If a file states no resolution, libvips returns its default, one pixel per millimetre.
    density = (image.xres, image.yres)
    stated = density != (1.0, 1.0) and all(0 < side < 1e6 for side in density)
    return Metadata(
        icc=blob(image, "icc-profile-data"),
        exif=exif,
        xmp=blob(image, "xmp-data"),
        iptc=None if iptc is None else unwrapped_iptc(iptc),
        pixels_per_mm=density if stated else None,
    )
