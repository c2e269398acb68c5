"""What every operator that sees the whole picture has in common: gather, then apply.

    gather   (b, c, h, w) → context       the whole picture becomes something small
    apply    (b, c, h, w), context → (b, d, h, w)     local work, steered by the context

The law: the contexts of the disjoint parts of a picture merge into the context of the whole,

    gather(x) = gather(x, part₁).merge(gather(x, part₂)) …

so a picture can be processed in tiles that all see the whole of it. Who runs tiles replaces an
operator's `gather` (see `bigpicture.infer.sharing`); nothing else about an operator may depend on
far pixels.
"""

from abc import ABC, abstractmethod
from typing import Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["Context", "ContextOperator", "Part", "Span"]


S = TypeVar("S")


@runtime_checkable
class Context(Protocol):
    """A small frozen value that summarises a picture, or a part of one."""

    def merge(self: S, other: S, /) -> S:
        """Return the context of both parts together."""
        ...


C = TypeVar("C", bound=Context)


class Span(NamedTuple):
    """One axis of a part: which pixels of a tile count, and where they lie in the picture.

    All values are in pixels of one grid. `start` and `stop` are positions in the whole picture.
    """

    start: int
    stop: int
    whole: int
    """Length of the whole picture along this axis."""
    tile: int
    """Length of the tile, halos included."""
    offset: int
    """Position of `start` in the tile: the width of the halo before it."""

    def on_grid(self, length: int) -> "Span":
        """Return this span on the grid of features where the tile is `length` pixels long.

        >>> Span(start=8, stop=16, whole=32, tile=12, offset=4).on_grid(24)
        Span(start=16, stop=32, whole=64, tile=24, offset=8)

        Raises:
            ValueError: If an edge would fall between two pixels of that grid.
        """
        if length == self.tile:
            return self
        scaled = [value * length / self.tile for value in self]
        if any(value != int(value) for value in scaled):
            raise ValueError(
                f"span {self} does not fall on the pixels of a grid {length} long; "
                "cut tiles at multiples of the network's stride"
            )
        return Span(*map(int, scaled))


class Part(NamedTuple):
    """The pixels of a tile that count for the whole picture's context: all but its halos."""

    rows: Span
    columns: Span

    @classmethod
    def all_of(cls, height: int, width: int) -> "Part":
        """Return the part that is the whole picture."""
        return cls(*(Span(0, size, size, size, 0) for size in (height, width)))

    def on_grid(self, height: int, width: int) -> "Part":
        """Return this part on the grid of features where the tile is `height` × `width`."""
        return Part(self.rows.on_grid(height), self.columns.on_grid(width))

    def crop(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c y x"]:
        """Return the pixels of the tile `x` that count."""
        (top, left), (rows, columns) = (self.rows.offset, self.columns.offset), self
        return x[
            ..., top : top + rows.stop - rows.start, left : left + columns.stop - columns.start
        ]


class ContextOperator(nn.Module, ABC, Generic[C]):
    """A layer in two halves, so that its view of the whole picture can be shared by tiles.

    Attributes:
        kernels_per_image: Whether each picture of a batch is convolved with a kernel of its own.
            On a CPU there is nothing to gain then from running pictures together.
    """

    kernels_per_image: bool = False

    @abstractmethod
    def gather(self, x: Float[Tensor, "b c h w"], part: Part | None = None) -> C:
        """Summarise `x`, or, of a tile `x`, the part that counts."""

    @abstractmethod
    def apply(self, x: Float[Tensor, "b c h w"], context: C) -> Float[Tensor, "b d h w"]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Work on each pixel, steered by the `context` of the whole picture."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        """Gather the context of `x` and apply it."""
        return self.apply(x, self.gather(x))
