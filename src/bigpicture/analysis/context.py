"""What operators that see the whole picture look at, as weights to overlay on the picture.

    graph        for each node: how much it gathers from each pixel, |W|, and how much each pixel
                 listens to it, P; first the nodes whose P varies most among pixels
    RG-SA        for one pixel, and averaged over all: shares of the tokens, mean over the heads;
                 for the one pixel also the shares of each head
    cross-scale  for a pixel and each search scale: shares of the places that it is rebuilt from
    IKM          the k×k grid that modulates kernels: shares of active pixels, mean over channels
    CRAC         the same grid: mean features, root mean square over channels

The diffusion index (`bigpicture.analysis.spread`) of the weights says how much of the picture an
operator looks at: 100 means all of it equally; if k of n cells share all the weight equally, it is
100·k/n.

Sources: those of the operators, in `bigpicture.context`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from bigpicture.analysis.operators import find, watch
from bigpicture.analysis.spread import diffusion_index
from bigpicture.analysis.windows import check_inside
from bigpicture.context.contract import ContextOperator
from bigpicture.context.crac import CRACConv2d
from bigpicture.context.graph import GraphReasoning
from bigpicture.context.grid import GridMean
from bigpicture.context.ikm import IKMConv2d
from bigpicture.context.non_local import CrossScaleAttention, CrossScaleContext
from bigpicture.context.rg_sa import RecursiveGeneralizationAttention, TokenGrid
from bigpicture.models.network import Network
from bigpicture.shapes import Float, Tensor

__all__ = ["Look", "looks"]

_AT_ONCE = 2**22  # attention weights in memory


@dataclass(frozen=True)
class Look:
    """Weights of the cells of a grid over the picture.

    Attributes:
        of: What they belong to: a node, a pixel, all pixels, a scale.
        weights: Shares or magnitudes, 0 or more.
        covers: How many rows and columns of the picture the grid covers, from the top left. This
            can exceed the picture, where a network mirrors the border.
        asked: Whether they belong to the pixel that asks.
    """

    of: str
    weights: Float[Tensor, "y x"]
    covers: tuple[float, float]
    asked: bool = False

    @property
    def diffusion(self) -> float:
        """The diffusion index of the weights, 0 if they are all 0."""
        return diffusion_index(self.weights) if self.weights.any() else 0.0

    def brightest(self, height: int, width: int) -> tuple[int, int]:
        """Return the pixel in the middle of the cell with the largest weight, as row and column.

        Cells that lie entirely in the mirrored border do not count.

        Args:
            height: Height of the picture.
            width: Its width.
        """
        tall, broad = (
            covered / cells for covered, cells in zip(self.covers, self.weights.shape, strict=True)
        )
        inside = self.weights[: math.ceil(height / tall), : math.ceil(width / broad)]
        row, column = divmod(int(inside.argmax()), inside.shape[1])
        return (
            min(int((row + 0.5) * tall), height - 1),
            min(int((column + 0.5) * broad), width - 1),
        )


@dataclass(frozen=True)
class _Grid:
    """The grid of an operator's features, and the pixel that asks.

    Attributes:
        rows: Height of the features.
        columns: Width of the features.
        finer: How many features lie along one pixel of the picture.
        pixel: Row and column of the asking pixel, on this grid.
    """

    rows: int
    columns: int
    finer: float
    pixel: tuple[int, int]

    def look(self, of: str, weights: Tensor, cell: int | None = None, asked: bool = False) -> Look:
        """Return a `Look` whose cells cover the whole grid, or have a side of `cell` features."""
        sides = (self.rows, self.columns)
        if cell is not None:
            sides = (cell * weights.shape[0], cell * weights.shape[1])
        covers = sides[0] / self.finer, sides[1] / self.finer
        return Look(of, weights.float().cpu(), covers, asked)


def looks(
    network: Network, low: Float[Tensor, "1 c h w"], pixel: tuple[int, int] | None = None
) -> dict[str, list[Look]]:
    """Return what each operator looks at, by the operator's name.

    Args:
        network: In evaluation mode.
        low: The low-resolution picture, in [0, 1].
        pixel: Row and column in `low` of the asking pixel, for operators whose pixels ask
            individually. An output pixel (y, x) asks as (y / scale, x / scale) does. By default,
            the pixel in the middle.

    Raises:
        ValueError: If the network has no such operator, or the pixel is not in the picture.
    """
    find(network, tuple(_LOOKS), "weights over the picture")
    height, width = low.shape[-2:]
    row, column = pixel or (height // 2, width // 2)
    check_inside(low, (row, column))
    multiple = network.backbone.multiple
    padded = tuple(-(-side // multiple) * multiple for side in (height, width))
    found: dict[str, list[Look]] = {}

    def see(name: str, operator: ContextOperator[Any], x: Tensor, context: Any) -> None:  # noqa: ANN401
        rows, columns = x.shape[-2:]
        # networks for any scale have cropped the mirrored border; others keep it at every scale
        finer = rows / (padded[0] if rows % padded[0] == 0 else height)
        grid = _Grid(rows, columns, finer, (int(row * finer), int(column * finer)))
        look = next(look for kind, look in _LOOKS.items() if isinstance(operator, kind))
        found[name] = look(operator, x, context, grid)

    watch(network, low, tuple(_LOOKS), see)
    return found


def _of_graph(graph: GraphReasoning, x: Tensor, context: GridMean, grid: _Grid) -> list[Look]:
    gathered, heard = graph.relate(x)[0].abs(), graph.attention(x)[0]
    differ = heard.flatten(1).var(1, correction=0)
    nodes: list[int] = differ.argsort(descending=True).tolist()
    return [
        grid.look(f"node {node} {does}", weights[node])
        for node in nodes
        for does, weights in (("gathers from", gathered), ("is heard by", heard))
    ]


def _of_tokens(
    attention: RecursiveGeneralizationAttention, x: Tensor, context: TokenGrid, grid: _Grid
) -> list[Look]:
    row, column = grid.pixel
    block = 4 ** attention.recursions(grid.rows, grid.columns)
    own = attention.attention(x[..., row : row + 1, column : column + 1], context)[0, :, 0, 0]
    tokens = context.grid.shape[-2] * context.grid.shape[-1]
    at_once = max(1, _AT_ONCE // (tokens * grid.columns * attention.heads))
    total = torch.zeros_like(own[0])
    for rows in x.split(at_once, -2):
        total += attention.attention(rows, context)[0].mean(0).sum((0, 1))
    return [
        grid.look("the pixel", own.mean(0), block, asked=True),
        grid.look("all pixels", total / (grid.rows * grid.columns), block),
        *(grid.look(f"the pixel, head {head}", w, block, asked=True) for head, w in enumerate(own)),
    ]


def _of_matches(
    attention: CrossScaleAttention, x: Tensor, context: CrossScaleContext, grid: _Grid
) -> list[Look]:
    matches = attention.attention(x, context, grid.pixel)
    return [grid.look(f"the pixel, ×{s}", own[0], s, asked=True) for s, own in matches.items()]


def _of_active(operator: IKMConv2d, x: Tensor, context: GridMean, grid: _Grid) -> list[Look]:
    return [grid.look("active pixels", context.mean[0].mean(0))]


def _of_features(operator: CRACConv2d, x: Tensor, context: GridMean, grid: _Grid) -> list[Look]:
    return [grid.look("mean features", context.mean[0].square().mean(0).sqrt())]


_LOOKS: dict[type[ContextOperator[Any]], Callable[..., list[Look]]] = {
    GraphReasoning: _of_graph,
    RecursiveGeneralizationAttention: _of_tokens,
    CrossScaleAttention: _of_matches,
    IKMConv2d: _of_active,
    CRACConv2d: _of_features,
}
"""The function that returns the looks of each kind of operator."""
