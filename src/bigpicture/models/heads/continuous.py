"""Base of heads that return a colour for any coordinate, and so render pictures of any size.

    tables   features (b, c, h, w) → all that queries near the same pixel share (b·h·w, …)
    draw     tables, m queries → (m, colours)

For a grid of pixels, features are processed in bands of rows and queries in chunks, so that the
memory for intermediate results does not grow with either. Scattered points, as in training, need
the tables of all features at once; gradients and compiled graphs keep everything.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from bigpicture.context.contract import Part, Span
from bigpicture.layers.mlp import MLP
from bigpicture.models.contract import Head
from bigpicture.models.heads.coordinates import (
    Axis,
    Queries,
    bilinear,
    locate,
    pixel_centres,
    queries,
)
from bigpicture.shapes import Float, Tensor

__all__ = ["ContinuousHead", "hidden_of_neighbours", "rows_of", "unfolded_linear"]

Index = tuple[Tensor, Tensor, Tensor]
"""For each query, the index of its picture in the batch and its index on both axes."""
_BAND = 2**14  # pixels of the features' grid whose tables are kept at once
_CHUNK = 2**15  # queries
_CHUNK_ON_CPU = 2**11  # few enough to stay in cache
_CHUNK_TO_LEARN_ON_CPU = 2**13  # larger, as each chunk's backward pass goes through whole tables
_HALO = 2  # rows of features that a query sees beyond the nearest one


class ContinuousHead(Head):
    """A head that returns a colour for any coordinate.

    Args:
        scale: Scale factor if no size is given.

    Attributes:
        adds_low: Whether the low-resolution picture, interpolated bilinearly, is added.
    """

    any_scale = True
    adds_low: bool

    @abstractmethod
    def neighbourhood(self, cell: Tensor | float, length: int) -> Tensor | float:
        """Return how far before and after a query, along an axis, its two neighbours are sought.

        Args:
            cell: Side of the query's pixel.
            length: Pixels of the features' grid along the axis.
        """

    @abstractmethod
    def tables(self, features: Float[Tensor, "b d h w"]) -> Any:  # noqa: ANN401
        """Return all that queries near the same pixel share."""

    @abstractmethod
    def draw(self, tables: Any, queries: Queries) -> Float[Tensor, "m colours"]:  # noqa: ANN401
        """Return the colours of m queries."""

    def enrich(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        """Return the input of `tables`: features, and whatever depends on all of them."""
        return features

    def forward(
        self,
        features: Float[Tensor, "b c h w"],
        low: Float[Tensor, "b colours h w"],
        size: tuple[int, int] | None = None,
    ) -> Float[Tensor, "b colours H W"]:
        """Return normalised pictures of a `size` (H, W), or `scale` times larger.

        Raises:
            ValueError: If a side of `size` is below 1.
        """
        if size is not None and any(side < 1 for side in size):
            raise ValueError(f"size must be a height and a width of at least 1 pixel, not {size}")
        height, width = size or (self.scale * side for side in low.shape[-2:])
        rows, columns = (pixel_centres(side, low) for side in (height, width))
        return self.grid(features, low, rows, columns, (2 / height, 2 / width))

    def grid(
        self,
        features: Float[Tensor, "b c h w"],
        low: Float[Tensor, "b colours h w"],
        rows: Float[Tensor, " H"],
        columns: Float[Tensor, " W"],
        cell: tuple[float, float],
        part: Part | None = None,
    ) -> Float[Tensor, "b colours H W"]:
        """Return the pixels at the crossings of `rows` and `columns`.

        Args:
            features: Features of a picture or a tile.
            low: The picture or the tile, normalised.
            rows: Coordinates in ascending order, where the whole picture spans [−1, 1].
            columns: The same along the other axis.
            cell: Height and width of a pixel in that unit: 2/H, 2/W for the whole result.
            part: Where the tile lies. Its halos must be as wide as the head's reach.
        """
        part = part or Part.all_of(*low.shape[-2:])
        x = self.enrich(features)
        across = self._locate(columns, cell[1], part.columns)
        along = self._locate(rows, cell[0], part.rows)
        bands = []
        for one, (start, stop) in _bands(along, x):
            high, wide = one.nearest.shape[0], columns.shape[0]

            def index(i: Tensor, high: int = high, wide: int = wide) -> Index:
                return i // (high * wide), i // wide % high, i % wide

            own = self._render(x[..., start:stop, :], one, across, index, len(x) * high * wide)
            bands.append(own.view(len(x), high, wide, -1).permute(0, 3, 1, 2))
        result = torch.cat(bands, -2)
        return result + bilinear(low, rows, columns, part) if self.adds_low else result

    def query(
        self,
        features: Float[Tensor, "b c h w"],
        low: Float[Tensor, "b colours h w"],
        coordinates: Float[Tensor, "b q 2"],
        cell: Float[Tensor, "b q 2"],
    ) -> Float[Tensor, "b q colours"]:
        """Return the colours at points.

        Args:
            features: Features of pictures.
            low: The pictures, normalised.
            coordinates: Row and column in [−1, 1].
            cell: Height and width of the points' pixels in that unit: 2/H, 2/W.
        """
        spans = Part.all_of(*low.shape[-2:])
        rows, columns = (
            self._locate(x.flatten(), own.flatten(), span)
            for x, own, span in zip(coordinates.unbind(-1), cell.unbind(-1), spans, strict=True)
        )
        images, each = coordinates.shape[:2]
        x, total = self.enrich(features), images * each
        drawn = self._render(x, rows, columns, lambda i: (i // each, i, i), total)
        drawn = drawn.view(images, each, -1)
        if not self.adds_low:
            return drawn
        where = coordinates.flip(-1).unsqueeze(1)
        added = F.grid_sample(
            low.to(where.dtype), where, padding_mode="border", align_corners=False
        )
        return drawn + added.squeeze(2).mT.to(low.dtype)

    def _locate(self, x: Tensor, cell: Tensor | float, span: Span) -> Axis:
        return locate(x, cell, span, self.neighbourhood(cell, span.whole))

    def _render(
        self, x: Tensor, rows: Axis, columns: Axis, index: Callable[[Tensor], Index], total: int
    ) -> Float[Tensor, "m colours"]:
        tables = self.tables(x)
        size = x.shape[-2], x.shape[-1]
        every = torch.arange(total, device=x.device)
        chunks = [every]  # a loop would tie a compiled graph to one size
        if not torch.compiler.is_compiling():
            on_cpu = _CHUNK_TO_LEARN_ON_CPU if torch.is_grad_enabled() else _CHUNK_ON_CPU
            chunks = every.split(on_cpu if x.device.type == "cpu" else _CHUNK)
        drawn = [self.draw(tables, queries(rows, columns, index(own), size)) for own in chunks]
        return torch.cat(drawn)


def _bands(rows: Axis, x: Tensor) -> Iterator[tuple[Axis, tuple[int, int]]]:
    """Cut rows of queries into bands that are each near a limited number of rows of `x`.

    Yields:
        The band's queries, and the first row of `x` that they see and the one after the last.
    """
    images, _, height, width = x.shape
    unknown = torch.compiler.is_compiling() or x.device.type == "meta"
    if unknown or images * height * width <= _BAND:
        yield rows, (0, height)
        return
    most = max(_BAND // (images * width), 1)
    nearest: list[int] = rows.nearest.tolist()
    begin = 0
    for end in range(1, len(nearest) + 1):
        if end < len(nearest) and abs(nearest[end] - nearest[begin]) < most:
            continue
        band = nearest[begin:end]
        start, stop = max(min(band) - _HALO, 0), min(max(band) + _HALO + 1, height)
        own = Axis(*(values[..., begin:end] for values in rows))
        yield own._replace(nearest=own.nearest - start, near=own.near - start), (start, stop)
        begin = end


def unfolded_linear(
    x: Float[Tensor, "b c h w"], weight: Float[Tensor, "d n"], bias: Tensor | None, unfolded: int
) -> Float[Tensor, "p d"]:
    """Return the outputs of a linear layer on partly unfolded features, for each pixel.

    Args:
        x: Features.
        weight: Weight of the layer. Its n inputs are the 3×3 values around a pixel for each
            unfolded channel, then the values of the other channels.
        bias: Bias of the layer.
        unfolded: Number of channels of `x`, from the first, that are unfolded.
    """
    around, own = weight[:, : 9 * unfolded], weight[:, 9 * unfolded :]
    y = F.conv2d(x[:, :unfolded], around.unflatten(1, (unfolded, 3, 3)), bias, padding=1)
    if own.shape[1]:
        y = y + F.conv2d(x[:, unfolded:], own[..., None, None])
    return y.permute(0, 2, 3, 1).flatten(0, 2).contiguous()


def hidden_of_neighbours(
    mlp: MLP, table: Float[Tensor, "p d"], queries: Queries
) -> Float[Tensor, "n d"]:
    """Return the last hidden layer of an MLP for each neighbour of each query, 4m rows.

    Args:
        mlp: The MLP, whose last four inputs are `Queries.where`.
        table: The contribution of all other inputs to its first layer, for each pixel.
        queries: The m queries.
    """
    where = queries.where.flatten(0, 1).to(table.dtype)
    placed = F.linear(where, mlp.first.weight[:, -4:])
    return mlp.hidden(placed.add_(rows_of(table, queries.near)))


def rows_of(table: Float[Tensor, "p d"], numbers: Tensor) -> Float[Tensor, "n d"]:
    """Return rows of a table, differentiable in it."""
    # unlike that of indexing, its backward pass is parallel
    return F.embedding(numbers.flatten(), table)
