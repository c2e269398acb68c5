"""Channel attention: the channels' means over the whole picture decide how much each counts.

    gather   (b, c, h, w) ──mean──▶ (b, c, 1, 1)
    apply    σ(W₂ ReLU(W₁ mean)) (b, c, 1, 1) ⊙ x

Source: Zhang et al., "Image Super-Resolution Using Very Deep Residual Channel Attention Networks",
    ECCV 2018, eqs. (9)-(13). https://arxiv.org/abs/1807.02758
"""

from torch import nn

from bigpicture.context.contract import ContextOperator, Part
from bigpicture.context.grid import GridMean, gather_grid
from bigpicture.shapes import Float, Tensor

__all__ = ["ChannelAttention"]


class ChannelAttention(ContextOperator[GridMean]):
    """A layer that scales each channel according to the means of all channels.

    Args:
        channels: Number of input and output channels.
        reduction: How many times fewer channels there are between the two 1×1 convolutions.

    Raises:
        ValueError: If `reduction` is below 1 or exceeds `channels`.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        if not 1 <= reduction <= channels:
            raise ValueError(f"reduction must be in 1…{channels} (the channels), not {reduction}")
        self.excite = nn.Sequential(
            nn.Conv2d(channels, channels // reduction, 1),
            nn.ReLU(),
            nn.Conv2d(channels // reduction, channels, 1),
            nn.Sigmoid(),
        )

    def gather(self, x: Float[Tensor, "b c h w"], part: Part | None = None) -> GridMean:
        """Return the mean of each channel."""
        return gather_grid(x, 1, part)

    def apply(self, x: Float[Tensor, "b c h w"], context: GridMean) -> Float[Tensor, "b c h w"]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Scale each channel of `x`."""
        return x * self.excite(context.mean.to(x.dtype))
