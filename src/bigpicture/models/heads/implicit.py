"""CiaoSR's implicit attention: four neighbours say what is seen at a point between them.

    Q   the 3×3 features around the pixel nearest to the point (9c)
    K   K ⊙ φ_k([K, relative, cell])   of each neighbour, K its 3×3 features (9c)
    V   V ⊙ φ_v([V, relative, cell])   V = [its 3×3 features, its non-local ones] (9c + c·scales)
    out φ_q(Σ softmax(Qᵀ K) V) + the picture, interpolated bilinearly

`relative` is how far the point is from the neighbour, `cell` how large its pixel is. φ are MLPs.

Source: Cao et al., "CiaoSR: Continuous Implicit Attention-in-Attention Network for Arbitrary-Scale
    Image Super-Resolution", CVPR 2023, eqs. (4)-(8). https://arxiv.org/abs/2212.04362
    Loads its public weights.
Changed: whatever is linear in the features is done once for each of their pixels, not for each of
    the points between them, of which there are 4r²: the first layers of φ_k and φ_v, and K's last
    layer, which only ever meets Q ⊙ K of a pixel and one of the 8 around it or itself,
        Qᵀ(K ⊙ (W h + b)) = h·Wᵀ(Q ⊙ K) + b·(Q ⊙ K)
    The non-local features are found once. Results are the same to rounding.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from pydantic import PositiveInt
from torch.nn import functional as F

from bigpicture.compute.products import linear
from bigpicture.context.non_local import CrossScaleAttention
from bigpicture.layers.mlp import MLP
from bigpicture.models.heads.continuous import (
    ContinuousHead,
    hidden_of_neighbours,
    rows_of,
    unfolded_linear,
)
from bigpicture.models.heads.coordinates import Queries
from bigpicture.shapes import Float, Tensor

__all__ = ["Ensemble", "ImplicitHead", "ImplicitSettings"]

Ensemble = Literal["attention", "mlp"]
_STEPS = (0, 0), (0, 1), (1, -1), (1, 0), (1, 1)  # rows and columns on to the other of a pair


@dataclass(frozen=True)
class ImplicitSettings:
    """Everything that makes a head with implicit attention.

    Attributes:
        scale: Enlargement of each side that is made when no size is asked.
        hidden: Width of the MLPs' hidden layers.
        depth: How many hidden layers each has.
        ensemble: What weighs the neighbours: `attention`, or, without a query, an `mlp` alone.
        non_local: Search scales of the non-local features, among 2, 3 and 4; none to go without.
    """

    kind: Literal["implicit"] = "implicit"
    scale: PositiveInt = 4
    hidden: PositiveInt = 256
    depth: PositiveInt = 4
    ensemble: Ensemble = "attention"
    non_local: tuple[int, ...] = (2,)

    def build(self, channels: int, colours: int) -> "ImplicitHead":
        """Return the untrained head on features of so many channels."""
        return ImplicitHead(channels, colours, self)


class _Tables(NamedTuple):
    """What is the same for all queries near a pixel, a row for each of the batch's p pixels."""

    keys: Float[Tensor, "p d"]
    """The first layer of φ_k, but for where the query is."""
    values_first: Float[Tensor, "p d"]
    values: Float[Tensor, "p v"]
    pairs: Float[Tensor, "n d"]
    """What a key's last hidden layer is multiplied with: for each of 5 steps, for each pixel."""
    pair_bias: Float[Tensor, "n 1"]


class ImplicitHead(ContinuousHead):
    """Colours at any coordinate, by attention among the nearest pixels' features.

    Args:
        channels: Feature channels c; even, where there are non-local features.
        colours: Channels of the picture.
        settings: See `ImplicitSettings`.

    Raises:
        ValueError: If the scale, the depth or a search scale is not possible.
    """

    adds_low = True

    def __init__(self, channels: int, colours: int, settings: ImplicitSettings) -> None:
        super().__init__(settings.scale)
        self.settings = settings
        self.channels = channels
        searched = settings.non_local
        self.non_local = CrossScaleAttention(channels, searched) if searched else None
        self.reach = 1 + (self.non_local.reach if self.non_local else 1)
        key, value = 9 * channels, (9 + len(searched)) * channels
        layers = settings.hidden, settings.depth
        self.phi_q = MLP(value, *layers, colours)
        self.phi_k = MLP(key + 4, *layers, 1 if settings.ensemble == "mlp" else key)
        self.phi_v = MLP(value + 4, *layers, value)

    def neighbourhood(self, cell: Tensor | float, length: int) -> Tensor | float:
        """Return about half a pixel, as the release has it."""
        return (1 - cell) / torch.sym_max(length - 1, 1)

    def enrich(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        """Return the features, and after them their non-local ones."""
        if self.non_local is None:
            return features
        return torch.cat([features, self.non_local(features)], 1)

    def tables(self, features: Float[Tensor, "b d h w"]) -> _Tables:
        """Return what is the same for all queries near a pixel."""
        c, x = self.channels, features[:, : self.channels]
        key, value = self.phi_k.first, self.phi_v.first
        unfolded = F.unfold(x, 3, padding=1)
        values = torch.cat([unfolded, features[:, c:].flatten(2)], 1)
        return _Tables(
            unfolded_linear(x, key.weight[:, :-4], key.bias, c),
            unfolded_linear(features, value.weight[:, :-4], value.bias, c),
            values.mT.flatten(0, 1).contiguous(),
            *self._pairs(x),
        )

    def _pairs(self, x: Float[Tensor, "b c h w"]) -> tuple[Tensor, Tensor]:
        """Return Wᵀ(Q ⊙ K) and b·(Q ⊙ K) for a pixel and itself or one of four around it.

        The other four are those pixels' own pairs: Q ⊙ K is K ⊙ Q.
        """
        if self.settings.ensemble == "mlp":
            return x.new_empty(0, 1), x.new_empty(0, 1)
        height, width = x.shape[-2:]
        beyond = F.pad(x, (1, 1, 0, 1))
        stacked = torch.cat(
            [x * beyond[..., y : y + height, 1 + s : 1 + s + width] for y, s in _STEPS]
        )
        weight, bias = self.phi_k.last.weight.mT, self.phi_k.last.bias[None]
        return (
            unfolded_linear(stacked, weight, None, self.channels),
            unfolded_linear(stacked, bias, None, self.channels),
        )

    def draw(self, tables: _Tables, queries: Queries) -> Float[Tensor, "m colours"]:
        """Return the colours of m queries."""
        weights = self._weights(tables, queries)
        hidden = hidden_of_neighbours(self.phi_v, tables.values_first, queries)
        last, total = self.phi_v.last, None
        # one neighbour after the other: of all four, these rows would not fit into a cache
        each = zip(hidden.chunk(4), queries.near, weights.unsqueeze(-1), strict=True)
        for own, near, weight in each:
            seen = linear(own, last.weight, last.bias) * rows_of(tables.values, near)
            total = seen * weight if total is None else torch.addcmul(total, seen, weight)
        assert total is not None
        return self.phi_q(total)

    def _weights(self, tables: _Tables, queries: Queries) -> Float[Tensor, "4 m"]:
        """Return how much each neighbour counts."""
        hidden = hidden_of_neighbours(self.phi_k, tables.keys, queries)
        if self.settings.ensemble == "mlp":
            logits = linear(hidden, self.phi_k.last.weight, self.phi_k.last.bias)
        else:
            back = queries.step < 0
            base = torch.where(back, queries.near, queries.nearest)
            pair = queries.step.abs() * tables.keys.shape[0] + base
            logits = (hidden * rows_of(tables.pairs, pair)).sum(-1, keepdim=True)
            logits = logits + rows_of(tables.pair_bias, pair)
        return torch.softmax(logits.view(4, -1), 0)
