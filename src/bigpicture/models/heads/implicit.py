"""CiaoSR's implicit attention: the colour at a point, by attention to its four neighbours.

    Q   the 3×3 features around the pixel nearest to the point (9c)
    K   K ⊙ φ_k([K, relative, cell])   of each neighbour, K its 3×3 features (9c)
    V   V ⊙ φ_v([V, relative, cell])   V = [its 3×3 features, its non-local ones] (9c + c·scales)
    out φ_q(Σ softmax(Qᵀ K) V) + the picture, interpolated bilinearly

`relative` is the offset of the point from the neighbour, `cell` the size of the point's own pixel.
φ_q, φ_k and φ_v are MLPs.

Source: Cao et al., "CiaoSR: Continuous Implicit Attention-in-Attention Network for Arbitrary-Scale
    Image Super-Resolution", CVPR 2023, eqs. (4)-(8). https://arxiv.org/abs/2212.04362
    Loads its public weights.
Changed: whatever is linear in the features is computed once per pixel of the features, not once
    for each of the 4r² pairs of a point and a neighbour: the first layers of φ_k and φ_v, and the
    last layer of φ_k, whose output only meets Q ⊙ K of a pixel and itself or one of the 8 around,
        Qᵀ(K ⊙ (W h + b)) = h·Wᵀ(Q ⊙ K) + b·(Q ⊙ K)
    The non-local features are computed once. Results are the same up to rounding.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from pydantic import PositiveInt
from torch.nn import functional as F

from bigpicture.compute.products import linear
from bigpicture.context.non_local import CrossScaleAttention
from bigpicture.layers.mlp import MLP
from bigpicture.models.contract import Count
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
_STEPS = (0, 0), (0, 1), (1, -1), (1, 0), (1, 1)  # from one pixel of a pair to the other


@dataclass(frozen=True)
class ImplicitSettings:
    """Settings of a head with implicit attention.

    Attributes:
        scale: Scale factor if no size is given.
        hidden: Width of the MLPs' hidden layers.
        depth: Number of hidden layers in each MLP.
        ensemble: How the neighbours are weighted: by `attention`, or by an `mlp` without a query.
        non_local: Search scales of the non-local features, among 2, 3 and 4; empty to omit them.
    """

    kind: Literal["implicit"] = "implicit"
    scale: Count = 4
    hidden: PositiveInt = 256
    depth: Count = 4
    ensemble: Ensemble = "attention"
    non_local: tuple[int, ...] = (2,)

    def build(self, channels: int, colours: int) -> "ImplicitHead":
        """Return the untrained head for features with `channels` channels."""
        return ImplicitHead(channels, colours, self)


class _Tables(NamedTuple):
    """All that queries near the same pixel share, one row for each of the batch's p pixels."""

    keys: Float[Tensor, "p d"]
    """The first layer of φ_k, without the contribution of the query's position."""
    values_first: Float[Tensor, "p d"]
    """The same of φ_v."""
    values: Float[Tensor, "p v"]
    pairs: Float[Tensor, "n d"]
    """Factors of φ_k's last hidden layer, 5·p rows: step by step, pixel by pixel."""
    pair_bias: Float[Tensor, "n 1"]


class ImplicitHead(ContinuousHead):
    """Returns the colour at any coordinate, by attention to the features of the nearest pixels.

    Args:
        channels: Feature channels c; even if there are non-local features.
        colours: Channels of the picture.
        settings: See `ImplicitSettings`.

    Raises:
        ValueError: If the scale, the depth, a search scale or the number of channels is invalid.
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
        """Return about half a pixel, as in the release."""
        return (1 - cell) / torch.sym_max(length - 1, 1)

    def enrich(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        """Return the features, followed by the non-local ones."""
        if self.non_local is None:
            return features
        return torch.cat([features, self.non_local(features)], 1)

    def tables(self, features: Float[Tensor, "b d h w"]) -> _Tables:
        """Return all that queries near the same pixel share."""
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
        """Return Wᵀ(Q ⊙ K) and b·(Q ⊙ K) for each pixel with itself and four of its neighbours.

        As Q ⊙ K is K ⊙ Q, the pairs with the other four are stored at those neighbours.
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
        # one neighbour at a time: the rows of all four would not fit into the cache
        each = zip(hidden.chunk(4), queries.near, weights.unsqueeze(-1), strict=True)
        for own, near, weight in each:
            seen = linear(own, last.weight, last.bias) * rows_of(tables.values, near)
            total = seen * weight if total is None else torch.addcmul(total, seen, weight)
        assert total is not None
        return self.phi_q(total)

    def _weights(self, tables: _Tables, queries: Queries) -> Float[Tensor, "4 m"]:
        """Return the weight of each neighbour."""
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
