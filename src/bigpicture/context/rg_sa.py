"""RG-SA, recursive-generalization self-attention: each pixel attends to a coarse grid of tokens.

    gather   (b, c, h, w) ──4×4 stride 4, T times──▶ grid (b, c, ⌊h/4ᵀ⌋, ⌊w/4ᵀ⌋)
    apply    grid ──3×3, 1×1, norm, GELU──▶ tokens ──▶ keys (l, c·r), values (l, c)
             pixels ──▶ queries (hw, c·r);  softmax(q kᵀ / √d) v ──linear──▶ (b, c, h, w)

One depthwise convolution reduces the picture repeatedly, until the grid is of about the same size
for any picture: T = max over the sides of ⌊log₄⌊side/4⌋⌋ in training, and of ⌊log₄⌊side/16⌋⌋, but
at least 2, in evaluation. Only convolutions without padding lie between a block of 4ᵀ × 4ᵀ pixels
and its cell. So where the border of two parts cuts a block, each part has a partial sum, and these
add up. The bias is counted in the part with the block's first pixel.

Source: Chen et al., "Recursive Generalization Transformer for Image Super-Resolution", ICLR 2024,
    eqs. (1) and (2). https://arxiv.org/abs/2303.06373. Loads the authors' weights.
Changed: a side shorter than a block, which the released code cannot take, is repeated until it
    fills one. Pixels beyond the last whole block are left out, as in the released code.
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from bigpicture.compute.pointwise import Pointwise
from bigpicture.compute.strips import in_strips
from bigpicture.context.contract import ContextOperator, Part, Span
from bigpicture.shapes import Bool, Float, Tensor

__all__ = ["RecursiveGeneralizationAttention", "TokenGrid"]

_STRIDE = 4


class TokenGrid(NamedTuple):
    """The coarse grid to which a picture, or a part of it, was reduced."""

    grid: Float[Tensor, "b c y x"]
    there: Bool[Tensor, "y x"] | None = None
    """Which cells exist, if not all do; the others are 0."""

    def merge(self, other: "TokenGrid") -> "TokenGrid":
        """Return the grid of both parts together."""
        return TokenGrid(self.grid + other.grid, self.there)


class RecursiveGeneralizationAttention(ContextOperator[TokenGrid]):
    """Attention of every pixel to a reduction of the whole picture.

    Args:
        channels: Number c of input and output channels.
        heads: Number of attention heads, among which the channels are divided.
        scaling: Channels of queries and keys as a fraction r of c, in (0, 1].
        recursive: Whether to reduce repeatedly; otherwise once.

    Raises:
        ValueError: If `scaling` is out of range, or the heads do not divide the channels or those
            of the queries.
    """

    def __init__(
        self, channels: int, heads: int, scaling: int | float = 0.5, recursive: bool = True
    ) -> None:
        super().__init__()
        if not 0 < scaling <= 1:
            raise ValueError(f"scaling must lie in (0, 1], not {scaling}")
        inner = round(channels * scaling)
        if channels % heads or inner % heads or not inner:
            raise ValueError(
                f"channels and scaling · channels must be multiples of the {heads} heads, "
                f"not {channels} and {inner}"
            )
        self.heads = heads
        self.recursive = recursive
        self.reduce = nn.Conv2d(channels, channels, _STRIDE, _STRIDE, groups=channels)
        self.refine = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.squeeze = nn.Conv2d(channels, inner, 1)
        self.norm = nn.LayerNorm(inner)
        self.q = Pointwise(channels, inner)
        self.k = nn.Linear(inner, inner)
        self.v = nn.Linear(inner, channels)
        self.position = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.out = Pointwise(channels, channels)

    def recursions(self, height: int, width: int) -> int:
        """Return T, the number of reductions for a picture of this size."""
        if not self.recursive:
            return 1
        side, times = (4, 0) if self.training else (16, 2)
        # comparisons instead of logarithms allow symbolic sizes in exported graphs
        while any(length // side >= _STRIDE ** (times + 1) for length in (height, width)):
            times += 1
        return times

    def gather(self, x: Float[Tensor, "b c h w"], part: Part | None = None) -> TokenGrid:
        """Reduce `x` or, if `x` is a tile, the `part` of it within the whole picture's blocks."""
        height, width = x.shape[-2:]
        if part is not None:
            return self._gather_part(x, part.on_grid(height, width))
        times = self.recursions(height, width)
        block = _STRIDE**times
        if torch.compiler.is_compiling():
            return self._gather_unknown(x, times)
        if height < block or width < block:
            rows, columns = (
                torch.arange(max(side, block), device=x.device) % side for side in (height, width)
            )
            x = x[..., rows[:, None], columns]
        return TokenGrid(self._reduce(x, times))

    def _reduce(self, x: Float[Tensor, "b c h w"], times: int) -> Float[Tensor, "b c y x"]:
        for _ in range(times):
            x = self.reduce(x)
        return x

    def _gather_unknown(self, x: Float[Tensor, "b c h w"], times: int) -> TokenGrid:
        """Reduce a picture of symbolic size, with one spare cell along each axis.

        Compilers specialise on sizes of 1, which the spare cell avoids.
        """
        block = _STRIDE**times
        lengths = [torch.sym_max(side, block) for side in x.shape[-2:]]
        rows, columns = (
            torch.arange(length + block, device=x.device) % side
            for length, side in zip(lengths, x.shape[-2:], strict=True)
        )
        grid = self._reduce(x[..., rows[:, None], columns], times)
        y, x = (
            torch.arange(length // block + 1, device=x.device) < length // block
            for length in lengths
        )
        there = y[:, None] & x
        return TokenGrid(torch.where(there, grid, 0), there)

    def _gather_part(self, x: Float[Tensor, "b c h w"], part: Part) -> TokenGrid:
        times = self.recursions(part.rows.whole, part.columns.whole)
        block = _STRIDE**times
        rows, columns = (_blocks_of(span, block, x.device) for span in part)
        counts = rows.counts[:, None] & columns.counts
        own = torch.where(counts, x[..., rows.pixels[:, None], columns.pixels], 0)
        weight, bias = self.reduce.weight, x.new_zeros(len(self.reduce.weight), 1, 1)
        for _ in range(times):
            # the part may lie beyond the last whole block
            empty = own[..., ::_STRIDE, ::_STRIDE]
            own = F.conv2d(own, weight, None, _STRIDE, groups=len(weight)) if own.numel() else empty
            bias = bias * weight.sum((-1, -2))[..., None] + self.reduce.bias[:, None, None]  # pyright: ignore[reportOptionalSubscript]
        own = own + bias * counts[::block, ::block]
        return TokenGrid(F.pad(own, (*columns.around, *rows.around)))

    def keys_and_values(
        self, context: TokenGrid
    ) -> tuple[Float[Tensor, "b heads l d"], Float[Tensor, "b heads l e"]]:
        """Return the keys and values of each head."""
        grid = context.grid.to(self.refine.weight.dtype)
        tokens = self.squeeze(self.refine(grid)).permute(0, 2, 3, 1)
        tokens = F.gelu(self.norm(tokens))
        k, v = self.k(tokens), self.v(tokens)
        if context.there is not None:
            v = v * context.there[..., None]
        v = v + self.position(v.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self._by_head(k), self._by_head(v)

    def apply(self, x: Float[Tensor, "b c h w"], context: TokenGrid) -> Float[Tensor, "b c h w"]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return, for each pixel, the values that it attends to."""
        keys, values = self.keys_and_values(context)
        there = _seen(context)
        scale = keys.shape[-1] ** -0.5
        missing = 0
        if x.device.type == "cpu":
            # memory-efficient attention on CPUs needs queries, keys and values of equal width
            missing = values.shape[-1] - keys.shape[-1]
            keys = F.pad(keys, (0, missing))

        def ask(rows: Float[Tensor, "b y w c"]) -> Float[Tensor, "b y w c"]:
            queries = F.pad(self._by_head(self.q(rows)), (0, missing))
            found = F.scaled_dot_product_attention(queries, keys, values, there, scale=scale)
            return self.out(found.transpose(1, 2).reshape(rows.shape))

        return in_strips(ask, x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def attention(
        self, x: Float[Tensor, "b c h w"], context: TokenGrid
    ) -> Float[Tensor, "b heads h w y x"]:
        """Return how much each pixel attends to each token; a pixel's shares sum to one.

        `apply`, which mixes the tokens' values by these, never holds so large a table in memory.
        Pixels attend independently, so `x` may be just a few of them.
        """
        keys, _ = self.keys_and_values(context)
        queries = self._by_head(self.q(x.permute(0, 2, 3, 1)))
        similar = queries @ keys.mT * keys.shape[-1] ** -0.5
        if (there := _seen(context)) is not None:
            similar = similar.masked_fill(~there, -torch.inf)
        shares = torch.softmax(similar, -1).unflatten(-1, context.grid.shape[-2:])
        return shares.unflatten(2, x.shape[-2:])

    def _by_head(self, x: Float[Tensor, "b y x c"]) -> Float[Tensor, "b heads l d"]:
        return x.flatten(1, 2).unflatten(-1, (self.heads, -1)).transpose(1, 2)


def _seen(context: TokenGrid) -> Bool[Tensor, "1 l"] | None:
    return None if context.there is None else context.there.flatten()[None]


class _Blocks(NamedTuple):
    """The blocks, along one axis, in which a part has pixels."""

    pixels: Tensor
    """Position in the tile of each pixel of these blocks, clamped to the tile."""
    counts: Bool[Tensor, " n"]
    """Which of these pixels belong to the part."""
    around: tuple[int, int]
    """Number of blocks of the whole picture before and after them."""


def _blocks_of(span: Span, block: int, device: torch.device) -> _Blocks:
    blocks = max(1, span.whole // block)
    first, last = (min(edge, blocks) for edge in (span.start // block, -(-span.stop // block)))
    # only pictures shorter than a block are repeated
    position = torch.arange(first * block, last * block, device=device) % span.whole
    inside = (position >= span.start) & (position < span.stop)
    pixels = (position - span.start + span.offset).clamp(0, span.tile - 1)
    return _Blocks(pixels, inside, (first, blocks - last))
