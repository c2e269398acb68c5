"""Cutting a picture into tiles: which pixels each one renders, and which it sees.

    height, width ──▶ (Tile, Tile, …)     own regions: disjoint, even in size, all pixels once
                                          windows: own regions plus halos, clipped at the borders

A window ends where the picture ends, so that a network sees the same border as in the whole
picture; no pixels are made up. The tiles depend only on the arguments.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import lcm

from bigpicture.context.contract import Part, Span

__all__ = ["Tile", "cut"]


@dataclass(frozen=True)
class Tile:
    """The own pixels of a tile and the window around them.

    Args:
        part: Where the own pixels lie in the picture and in the window.
    """

    part: Part

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that the tile sees."""
        rows, columns = (slice(s.start - s.offset, s.start - s.offset + s.tile) for s in self.part)
        return rows, columns

    def own(self, scale: int = 1) -> tuple[slice, slice]:
        """Return the rows and columns that the tile renders, on a grid `scale` times finer."""
        rows, columns = (slice(s.start * scale, s.stop * scale) for s in self.part)
        return rows, columns

    def inside(self, scale: int = 1) -> tuple[slice, slice]:
        """Return the own rows and columns, counted from the corner of the window."""
        rows, columns = (
            slice(s.offset * scale, (s.offset + s.stop - s.start) * scale) for s in self.part
        )
        return rows, columns

    def on_result(self, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the start and stop of the tile's own rows and columns in a result of any size.

        A pixel of the result belongs to the tile in which its centre lies.

        Args:
            size: Height and width of the whole result.
        """
        rows, columns = (
            (_nearest(span.start, side, span.whole), _nearest(span.stop, side, span.whole))
            for span, side in zip(self.part, size, strict=True)
        )
        return rows, columns

    @property
    def pixels(self) -> int:
        """Number of pixels of the window, to which the work is proportional."""
        return self.part.rows.tile * self.part.columns.tile


def cut(
    height: int,
    width: int,
    side: int | None = None,
    halo: int = 32,
    multiple: int = 1,
    smallest: int = 1,
    align: int = 1,
) -> tuple[Tile, ...]:
    """Return the tiles of a picture, row by row.

    Args:
        height: Height of the picture, a multiple of `multiple`.
        width: Width of the picture, a multiple of `multiple`.
        side: Most pixels of an own region's side, rounded up to `multiple`, `align` and
            `smallest`; None leaves the picture whole.
        halo: Pixels around the own region that a tile also sees, rounded up to `multiple` and
            `align`.
        multiple: Edges of regions and windows are divisible by this.
        smallest: No own region has a shorter side, unless the picture has. Where equal parts would
            be shorter, there are fewer and larger ones.
        align: Edges within the picture are divisible by this as well; the picture's border need
            not be.

    Raises:
        ValueError: If a number is too small, or the picture's sides are not multiples of
            `multiple`.

    >>> [tile.own() for tile in cut(5, 100, side=64)]
    [(slice(0, 5, None), slice(0, 50, None)), (slice(0, 5, None), slice(50, 100, None))]
    """
    counts = {
        "height": height,
        "width": width,
        "multiple": multiple,
        "smallest": smallest,
        "align": align,
    }
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    if height % multiple or width % multiple:
        raise ValueError(f"a picture of {width}×{height} must be padded to multiples of {multiple}")
    if side is not None and side < 1:
        raise ValueError(f"the side of a tile must be at least 1 pixel, not {side}")
    if halo < 0:
        raise ValueError(f"halo must be 0 pixels or more, not {halo}")
    rows, columns = (
        _spans(length, length if side is None else side, halo, lcm(multiple, align), smallest)
        for length in (height, width)
    )
    return tuple(Tile(Part(row, column)) for row in rows for column in columns)


def _spans(length: int, side: int, halo: int, unit: int, smallest: int) -> list[Span]:
    """Cut one axis at multiples of `unit` pixels; only the last unit may be incomplete."""
    units, side, halo = (-(-v // unit) for v in (length, side, halo))
    count = -(-units // side)
    while count > 1 and _shortest(length, units, count, unit) < smallest:
        count -= 1
    edges = [i * units // count for i in range(count + 1)]
    spans = []
    for start, stop in pairwise(edges):
        first, last = max(0, start - halo), stop + halo
        start, stop, first, last = (min(edge * unit, length) for edge in (start, stop, first, last))
        spans.append(Span(start, stop, length, last - first, start - first))
    return spans


def _shortest(length: int, units: int, count: int, unit: int) -> int:
    """Return the pixels of the shortest of `count` parts, of which the last may be cut off.

    >>> _shortest(length=72, units=2, count=2, unit=64)
    8
    """
    last = length - (units - -(-units // count)) * unit
    return min(units // count * unit, last)


def _nearest(edge: int, side: int, whole: int) -> int:
    """Return the first of `side` pixels whose centre is not before an edge between `whole` pixels.

    >>> _nearest(2, 15, 10), _nearest(3, 15, 10), _nearest(10, 15, 10)
    (3, 4, 15)
    """
    return -((whole - 2 * edge * side) // (2 * whole))
