"""A multi-layer perceptron with a spatial gate: half of the hidden channels multiply the others.

    (b, h, w, c) ──linear──▶ GELU ──▶ u, g (b, h, w, d/2 each)
                 u ⊙ depthwise 3×3 (norm (g)) ──linear──▶ (b, h, w, c)

Source: Chen et al., "Dual Aggregation Transformer for Image Super-Resolution", ICCV 2023.
    https://arxiv.org/abs/2308.03364. As used in RGT, https://arxiv.org/abs/2303.06373, whose
    weights load.
"""

from torch import nn
from torch.nn import functional as F

from bigpicture.compute.pointwise import Pointwise
from bigpicture.shapes import Float, Tensor

__all__ = ["GatedMLP", "SpatialGate"]


class SpatialGate(nn.Module):
    """Multiplies half of the channels by the other half, normalised and convolved.

    Args:
        channels: Channels out, half of the channels in.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w d"]:
        """Return the gated half of `x`."""
        kept, gate = x.chunk(2, -1)
        gate = self.conv(self.norm(gate).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return kept * gate


class GatedMLP(nn.Module):
    """Two linear layers for each pixel, with GELU and a spatial gate between them.

    Args:
        channels: Channels in and out.
        hidden: Channels before the gate, even.

    Attributes:
        reach: How many pixels away a pixel has influence.

    Raises:
        ValueError: If `hidden` is odd or below 2.
    """

    reach = 1

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        if hidden < 2 or hidden % 2:
            raise ValueError(f"hidden must be even, so that a half can gate the other: {hidden}")
        self.first = Pointwise(channels, hidden)
        self.gate = SpatialGate(hidden // 2)
        self.last = Pointwise(hidden // 2, channels)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        """Return the result for every pixel."""
        return self.last(self.gate(F.gelu(self.first(x))))
