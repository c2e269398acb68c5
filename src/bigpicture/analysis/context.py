"""What operators that see the whole picture look at, as weights that can be laid over the picture.

    graph        for each node: how much it gathers from each pixel, |W|, and how much each pixel
                 listens to it, P; the nodes first that pixels differ in most
    RG-SA        for a pixel, and for all in the mean: shares of the tokens, mean over the heads;
                 for the pixel also those of each head
    cross-scale  for a pixel and each search scale: shares of the places it is rebuilt from
    IKM          the k×k grid that modulates kernels: shares of active pixels, mean over channels
    CRAC         the same: mean features, root mean square over channels

The diffusion index (`bigpicture.analysis.spread`) of the weights says how much of the picture is
looked at: 100 is all of it alike; of n cells, k that share all the weight are 100·k/n.

Sources: those of the operators, in `bigpicture.context`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from bigpicture.analysis.operators import find, watch
from bigpicture.analysis.spread import diffusion_index
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

_AT_ONCE = 2**22  # shares of tokens


@dataclass(frozen=True)
class Look:
    """Weights of the cells of a grid over the picture.

    Attributes:
        of: Whose they are: a node, a pixel, all pixels, a scale.
        weights: 0 or more where they are shares or magnitudes.
        covers: How many rows and columns of the picture the grid lies over, from the top left on.
            They can be more than there are, where a network mirrors the border.
        asked: Whether they are those of the pixel that asks.
    """

    of: str
    weights: Float[Tensor, "y x"]
    covers: tuple[float, float]
    asked: bool = False

    @property
    def diffusion(self) -> float:
        """The diffusion index of the weights, 0 where there are none."""
        return diffusion_index(self.weights) if self.weights.any() else 0.0

    @property
    def brightest(self) -> tuple[int, int]:
        """Row and column of the picture at the centre of the cell with the largest weight."""
        rows, columns = self.weights.shape
        cell = divmod(int(self.weights.argmax()), columns)
        row, column = (
            int((own + 0.5) * length / cells)
            for own, length, cells in zip(cell, self.covers, (rows, columns), strict=True)
        )
        return row, column


@dataclass(frozen=True)
class _Grid:
    """The grid of an operator's features, and the pixel that asks.

    Attributes:
        rows: Of the features.
        columns: Of the features.
        finer: Features along a pixel of the picture.
        pixel: Row and column of the features.
    """

    rows: int
    columns: int
    finer: float
    pixel: tuple[int, int]

    def look(self, of: str, weights: Tensor, cell: int | None = None, asked: bool = False) -> Look:
        """Return weights of cells that lie over the whole grid, or over `cell` features a side."""
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
        low: The picture that it would enlarge, in [0, 1].
        pixel: Row and column in `low` of the pixel that asks, where single pixels do. An output
            pixel (y, x) asks as (y / scale, x / scale) does. Without, the one in the middle.

    Raises:
        ValueError: If the network has no such operator, or the pixel is not in the picture.
    """
    find(network, tuple(_LOOKS), "weights over the picture")
    height, width = low.shape[-2:]
    row, column = pixel if pixel is not None else (height // 2, width // 2)
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(
            f"pixel {(row, column)} is not in the picture: give a row below {height} and a column "
            f"below {width}"
        )
    multiple = network.backbone.multiple
    padded = tuple(-(-side // multiple) * multiple for side in (height, width))
    found: dict[str, list[Look]] = {}

    def see(name: str, operator: ContextOperator[Any], x: Tensor, context: Any) -> None:  # noqa: ANN401
        rows, columns = x.shape[-2:]
        # a network of any scale has cut off what was mirrored; others have it at each scale
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
"""How each kind of operator tells what it looks at."""
