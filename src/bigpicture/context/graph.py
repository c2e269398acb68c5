"""Graph reasoning: a few nodes summarise the picture, interact, and are projected to every pixel.

    gather   (b, c, h, w) ──conv 1×1──▶ W (b, n, h·w)       relation of each node to each pixel
             W Fᵀ / (h·w) = Y (b, n, c)                     the nodes: weighted means of features
    apply    Y ──conv over nodes, LeakyReLU, conv over nodes──▶ (b, n, c)
               ──conv over channels, LeakyReLU, conv over channels──▶ V (b, n, d)    (GRUM only)
             (b, c, h, w) ──conv 1×1, softmax over nodes──▶ P (b, n, h·w)
             Vᵀ P (b, d, h, w)                              each pixel is a mixture of the nodes

One operator serves both of SRGRN's modules: GRUM, global reasoning upsampling, widens the nodes to
the channels that a pixel shuffle needs; GRRB, global reasoning reconstruction, does not.

Source: "Global Reasoning Network for Image Super-Resolution", eqs. (4)-(9) and (12), (13),
    submitted to ICLR 2020 (anonymous). https://openreview.net/group?id=ICLR.cc/2020/Conference
Changed: the nodes are divided by the number of pixels. Without this, as in the paper, a network
    trained on patches of 48² pixels would meet sums a hundred times larger in a photograph.
    `normalize=False` gives the paper's sums.
"""

import torch
from torch import nn

from bigpicture.compute.precision import exact_dtype, without_autocast
from bigpicture.context.contract import ContextOperator, Part
from bigpicture.context.grid import GridMean
from bigpicture.shapes import Float, Tensor

__all__ = ["GraphReasoning"]

_SLOPE = 0.2


class GraphReasoning(ContextOperator[GridMean]):
    """A layer that mixes, for each pixel, the nodes of a graph over the whole picture.

    Args:
        c_in: Number of input channels.
        c_out: Number of output channels, to which a bottleneck widens each node; None leaves the
            nodes, and so the output, at `c_in` channels.
        nodes: Number n of nodes.
        reduction: α, how many times narrower than `c_in` the bottleneck is.
        normalize: Whether nodes are means over the pixels; otherwise they are sums.

    Raises:
        ValueError: If `nodes` is below 1, or the bottleneck would have no channels.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int | None = None,
        nodes: int = 10,
        reduction: int = 8,
        normalize: bool = True,
    ) -> None:
        super().__init__()
        if nodes < 1:
            raise ValueError(f"nodes must be at least 1, not {nodes}")
        self.nodes = nodes
        self.normalize = normalize
        self.relate = nn.Conv2d(c_in, nodes, 1)
        self.reason = _two_layers(nodes, nodes, nodes)
        self.widen = nn.Identity()
        if c_out is not None:
            if not 1 <= reduction <= c_in:
                raise ValueError(f"reduction must be in 1…{c_in} (the channels), not {reduction}")
            self.widen = _two_layers(c_in, c_in // reduction, c_out)
        self.assign = nn.Conv2d(c_in, nodes, 1)

    def gather(self, x: Float[Tensor, "b c h w"], part: Part | None = None) -> GridMean:
        """Return the nodes in sequence, each a mean of all pixels weighted by their relation to it.

        Sums are in float32 or better: in half precision, those of a photograph would overflow.
        """
        dtype = torch.promote_types(x.dtype, torch.float32)
        if part is not None:
            dtype = exact_dtype(x)
            x = part.on_grid(*x.shape[-2:]).crop(x)
        relation = self.relate(x)
        with without_autocast(x.device.type):
            total = relation.to(dtype).flatten(2) @ x.to(dtype).flatten(2).mT
        pixels = x.new_full((1, 1), x.shape[-2] * x.shape[-1], dtype=dtype)
        return GridMean(total.flatten(1)[..., None, None], pixels)

    def apply(self, x: Float[Tensor, "b c h w"], context: GridMean) -> Float[Tensor, "b d h w"]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Reason over the nodes and give each pixel its mixture of them.

        The few nodes are processed in the precision of the weights, even under autocast: sums over
        a photograph exceed the range of fp16.
        """
        gathered = context.mean if self.normalize else context.total
        with without_autocast(x.device.type):
            nodes = gathered.to(self.relate.weight.dtype).flatten(1).unflatten(1, (self.nodes, -1))
            spoken = self.widen(self.reason(nodes).mT)
        share = self.attention(x)
        return (spoken @ share.flatten(2)).unflatten(2, x.shape[-2:])

    def attention(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n h w"]:
        """Return P, the share of each node in each pixel; a pixel's shares sum to one."""
        return torch.softmax(self.assign(x), 1)


def _two_layers(c_in: int, hidden: int, c_out: int) -> nn.Sequential:
    """Return two linear layers over the channels of (b, c, positions), with a LeakyReLU between."""
    return nn.Sequential(
        nn.Conv1d(c_in, hidden, 1), nn.LeakyReLU(_SLOPE), nn.Conv1d(hidden, c_out, 1)
    )
