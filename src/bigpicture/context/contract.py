"""The contract of every operator that sees the whole picture: gather, then apply.

    gather   (b, c, h, w) → context       summarises the whole picture
    apply    (b, c, h, w), context → (b, d, h, w)     local work, steered by the context

Contexts obey one law: those of the disjoint parts of a picture merge into that of the whole,

    gather(x) = gather(x, part₁).merge(gather(x, part₂)) …

so a picture can be processed in tiles that all see the whole of it. Code that runs tiles replaces
an operator's `gather` (see `bigpicture.infer.sharing`); nothing else about an operator may depend
on distant pixels.
"""

from abc import ABC, abstractmethod
from typing import Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["Context", "ContextOperator", "Part", "Span"]


S = TypeVar("S")


@runtime_checkable
class Context(Protocol):
    """A small immutable value that summarises a picture, or a part of one."""

    def merge(self: S, other: S, /) -> S:
        """Return the context of the two parts together."""
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
    """Position of `start` within the tile: the width of the halo before it."""

    def on_grid(self, length: int) -> "Span":
        """Return this span on a feature grid on which the tile is `length` pixels long.

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
    """The pixels of a tile that count towards the whole picture's context: all but its halos."""

    rows: Span
    columns: Span

    @classmethod
    def all_of(cls, height: int, width: int) -> "Part":
        """Return the part that covers the whole picture."""
        return cls(*(Span(0, size, size, size, 0) for size in (height, width)))

    def on_grid(self, height: int, width: int) -> "Part":
        """Return this part on a feature grid on which the tile is `height` × `width`."""
        return Part(self.rows.on_grid(height), self.columns.on_grid(width))

    def crop(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c y x"]:
        """Return the pixels of the tile `x` that count."""
        (top, left), (rows, columns) = (self.rows.offset, self.columns.offset), self
        return x[
            ..., top : top + rows.stop - rows.start, left : left + columns.stop - columns.start
        ]


class ContextOperator(nn.Module, ABC, Generic[C]):
    """A layer in two halves, so that tiles can share its view of the whole picture.

    Attributes:
        kernels_per_image: Whether each picture of a batch is convolved with its own kernel. On a
            CPU, batching pictures then brings no gain.
    """

    kernels_per_image: bool = False

    @abstractmethod
    def gather(self, x: Float[Tensor, "b c h w"], part: Part | None = None) -> C:
        """Summarise `x` or, if `x` is a tile, the `part` of it that counts."""

    @abstractmethod
    def apply(self, x: Float[Tensor, "b c h w"], context: C) -> Float[Tensor, "b d h w"]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Process each pixel, steered by the `context` of the whole picture."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        """Gather the context of `x`, then apply it."""
        return self.apply(x, self.gather(x))
