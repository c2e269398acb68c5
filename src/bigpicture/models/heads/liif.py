"""LIIF, the local implicit image function: the baseline of CiaoSR's head.

    f(z, relative, cell)   an MLP of the 3×3 features z (9c) around each of the four nearest pixels,
                           the offset of the point from it, and the size of the point's own pixel
    out  Σ f · area        weighted by the rectangle between the point and the opposite neighbour

Source: Chen et al., "Learning Continuous Image Representation with Local Implicit Image Function",
    CVPR 2021. https://arxiv.org/abs/2012.09161 (with feature unfolding, cell decoding and local
    ensemble). Loads the authors' weights.
Changed: the features' contribution to the first layer is computed once per pixel. As the last layer
    is linear and the weights sum to 1, it follows the ensemble, once per point.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import PositiveInt

from bigpicture.compute.products import linear
from bigpicture.layers.mlp import MLP
from bigpicture.models.contract import Count
from bigpicture.models.heads.continuous import (
    ContinuousHead,
    hidden_of_neighbours,
    unfolded_linear,
)
from bigpicture.models.heads.coordinates import Queries
from bigpicture.shapes import Float, Tensor

__all__ = ["LIIFHead", "LIIFSettings"]

_LEAST_AREA = 1e-9


@dataclass(frozen=True)
class LIIFSettings:
    """Settings of a LIIF head.

    Attributes:
        scale: Scale factor if no size is given.
        hidden: Width of the MLP's hidden layers.
        depth: Number of hidden layers.
    """

    kind: Literal["liif"] = "liif"
    scale: Count = 4
    hidden: PositiveInt = 256
    depth: Count = 4

    def build(self, channels: int, colours: int) -> "LIIFHead":
        """Return the untrained head for features with `channels` channels."""
        return LIIFHead(channels, colours, self)


class LIIFHead(ContinuousHead):
    """Returns the colour at any coordinate, from the features of the nearest pixels.

    Args:
        channels: Feature channels c.
        colours: Channels of the picture.
        settings: See `LIIFSettings`.

    Raises:
        ValueError: If the scale or the depth is below 1.
    """

    adds_low = False
    reach = 2

    def __init__(self, channels: int, colours: int, settings: LIIFSettings) -> None:
        super().__init__(settings.scale)
        self.settings = settings
        self.channels = channels
        self.imnet = MLP(9 * channels + 4, settings.hidden, settings.depth, colours)

    def neighbourhood(self, cell: Tensor | float, length: int) -> Tensor | float:
        """Return half a pixel."""
        return 1 / length

    def tables(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "p d"]:
        """Return the first layer, without the contribution of the query's position."""
        first = self.imnet.first
        return unfolded_linear(features, first.weight[:, :-4], first.bias, self.channels)

    def draw(self, tables: Float[Tensor, "p d"], queries: Queries) -> Float[Tensor, "m colours"]:
        """Return the colours of m queries."""
        hidden = hidden_of_neighbours(self.imnet, tables, queries).unflatten(0, (4, -1))
        area = queries.where[..., :2].prod(-1).abs() + _LEAST_AREA
        share = (area.flip(0) / area.sum(0)).to(hidden.dtype)  # the opposite neighbour's
        last = self.imnet.last
        return linear((hidden * share[..., None]).sum(0), last.weight, last.bias)
