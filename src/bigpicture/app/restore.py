"""Turn a file into its result: pages, colours and inks, each enlarged and rounded once.

    path ──read──▶ Source ──compute──▶ AnyPicture ──write──▶ path

A picture keeps its colours, whatever its profile, unless sRGB is requested or the format of the
result cannot hold them; then they are converted in floats before they are enlarged. CMYK passes
through the network as two pictures, see `bigpicture.image.inks`. Large pictures are held on the
disk of the result.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bigpicture.app.compare import compare
from bigpicture.app.options import Colour
from bigpicture.image import (
    FORMATS,
    MAX_PIXELS,
    ImageWarning,
    Pages,
    Picture,
    Separations,
    read_pages,
    to_srgb,
    write,
    write_pages,
)
from bigpicture.image.formats import check_sides, in_srgb, must_be_srgb
from bigpicture.image.spool import spooling
from bigpicture.infer.enlarge import Cancel, Report
from bigpicture.infer.matching import greatest
from bigpicture.infer.model import Model

AnyPicture = Picture | Separations
Advance = Callable[[float], None]
"""Called with the fraction of a file that is done."""


@dataclass(frozen=True)
class Source:
    """The part of a file that is read ahead of its turn.

    Attributes:
        pages: All pages of the file.
        first: The first page, if only that is to be enlarged; several are read one by one.
    """

    pages: Pages
    first: AnyPicture | None

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels already read."""
        return 0 if self.first is None else nbytes(self.first)


@dataclass
class Facts:
    """Facts to report about an enlargement.

    Attributes:
        input_size: Width and height of the first page.
        output_size: As `input_size`.
        pages: Number of pages that were enlarged.
        tiling: The plan for each run of the network on the first page.
        tiles: Number of tiles computed on all pages.
        drift: See `bigpicture.infer.enlarge.Report`; the maximum of each number over the pages.
    """

    input_size: tuple[int, int] | None = None
    output_size: tuple[int, int] | None = None
    pages: int = 0
    tiling: list[dict[str, Any]] = field(default_factory=list)
    tiles: int = 0
    drift: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Restoring:
    """How each file is processed.

    Attributes:
        model: Enlarges the pictures.
        sized: Arguments for `Model.plan`: the size of the result and the tiling.
        options: The other arguments for `Model.upscale`.
        colour: Whether colours stay in their own space or are converted to sRGB.
        all_pages: Enlarge all pages and frames, not only the first.
        quality: Quality of lossy formats, 1 to 100; None takes the writer's default.
        max_pixels: Refuse files with more pixels.
    """

    model: Model
    sized: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    colour: Colour = "keep"
    all_pages: bool = False
    quality: int | None = None
    max_pixels: int = MAX_PIXELS

    def read(self, path: Path, output: Path) -> Source:
        """Read a file.

        Args:
            path: The file.
            output: Its result, in whose folder large pictures are held meanwhile.

        Raises:
            ImageError: If the file cannot be read.
        """
        with spooling(output.parent):
            pages = read_pages(path, max_pixels=self.max_pixels, keep_cmyk=True)
            if self.all_pages and len(pages) > 1:
                return Source(pages, None)
            return Source(pages, pages.first("--all-pages takes all"))

    def compute(
        self,
        source: Source,
        output: Path,
        facts: Facts,
        advance: Advance,
        cancel: Cancel,
        comparison: Path | None = None,
    ) -> AnyPicture | None:
        """Enlarge a picture and return it; or enlarge and write all pages, and return None.

        Args:
            source: The file as it was read.
            output: The result file, whose format determines the colours that it can hold.
            facts: Filled with what was done, even on failure.
            advance: Called with progress.
            cancel: Ends the work when it is set.
            comparison: File for the comparison of the first of several pages, if requested.

        Raises:
            ValueError: If the picture cannot be enlarged, or its pages cannot be written.
        """
        pages, count = source.pages, len(source.pages)

        def enlarged() -> Iterator[AnyPicture]:
            for number, page in enumerate(pages):
                restored = self._enlarge(
                    page, output, facts, lambda part, n=number: advance((n + part) / count), cancel
                )
                if number == 0 and comparison is not None:
                    self.write_comparison(page, restored, comparison)
                yield restored

        with spooling(output.parent):
            if source.first is not None:
                return self._enlarge(source.first, output, facts, advance, cancel)
            output.parent.mkdir(parents=True, exist_ok=True)
            times = {"delays": pages.delays, "loop": pages.loop}
            with _told_if_replaced(output):
                write_pages(enlarged(), output, **times, quality=self.quality)
            return None

    def write(self, restored: AnyPicture, output: Path) -> None:
        """Write a picture.

        Raises:
            ImageError: If it cannot be written.
        """
        output.parent.mkdir(parents=True, exist_ok=True)
        with spooling(output.parent), _told_if_replaced(output):
            write(restored, output, quality=self.quality)

    def write_comparison(self, low: AnyPicture, restored: AnyPicture, path: Path) -> None:
        """Write a comparison of the result with bicubic enlargement.

        Raises:
            ImageError: If it cannot be written.
        """
        size = None
        if self.sized.get("framing") == "fill":  # the comparison leaves out what was cropped
            size = self.model.plan((low.height, low.width), **self.sized).size
        with _told_if_replaced(path):
            write(compare(shown(low), shown(restored), self.model.name, size), path)

    def _enlarge(
        self, low: AnyPicture, output: Path, facts: Facts, advance: Advance, cancel: Cancel
    ) -> AnyPicture:
        facts.input_size = facts.input_size or (low.width, low.height)
        format, bits = FORMATS[output.suffix.lower()], low.bits
        plan = self.model.plan((low.height, low.width), **self.sized)
        check_sides(format, *(plan.frame or plan.size))  # before the work, not after it
        facts.tiling = facts.tiling or [_told(asdict(each)) for each in plan.passes]
        if self.colour == "srgb":
            low = shown(low)
        elif must_be_srgb(low, format):
            low = in_srgb(low, format)
        restored = self._upscale(low, facts, advance, cancel)
        if isinstance(restored, Picture):
            restored = restored.at_depth(bits)
        facts.output_size = facts.output_size or (restored.width, restored.height)
        facts.pages += 1
        return restored

    def _upscale(
        self, low: AnyPicture, facts: Facts, advance: Advance, cancel: Cancel
    ) -> AnyPicture:
        report = Report()
        restored = self.model.upscale(
            low,
            progress=lambda done, total: advance(done / total),
            cancel=cancel,
            report=report,
            **self.sized,
            **self.options,
        )
        facts.tiles += sum(report.tiles)
        facts.drift = greatest(facts.drift, report.drift)
        return restored


def shown(picture: AnyPicture) -> Picture:
    """Return a picture in sRGB, unchanged if it is sRGB already."""
    return picture.to_srgb() if isinstance(picture, Separations) else to_srgb(picture)


def nbytes(picture: AnyPicture) -> int:
    """Return the number of bytes of a picture's pixels."""
    if isinstance(picture, Separations):
        return nbytes(picture.colour) + nbytes(picture.black)
    return picture.colour.nbytes + (0 if picture.alpha is None else picture.alpha.nbytes)


@contextmanager
def _told_if_replaced(path: Path) -> Iterator[None]:
    """Warn if the file written inside replaces an existing one.

    That may be the result of an earlier run or the user's own file: there is no way to tell.
    """
    there = os.path.exists(path)  # noqa: PTH110 - Path.exists raises where it may not look
    yield
    if there:
        text = f"replaced the existing {path.name}; --resume keeps existing results"
        warnings.warn(text, ImageWarning, stacklevel=3)


def _told(run: dict[str, Any]) -> dict[str, Any]:
    """Return a run of the network in the form for reports, with sizes as width and height."""
    high, wide = run["size"]
    return {
        "input_size": (run["width"], run["height"]),
        "output_size": (wide, high),
        "tiles": run["tiles"],
        "tile": run["tiling"]["side"],
        **{name: run["tiling"][name] for name in ("halo", "sweeps", "context")},
    }
