"""The trunk shared by EDSR, RCAN and U-HDN: blocks between two convolutions, and a skip.

    (b, colours, h, w) ──conv──▶ f (b, c, h, w) ──blocks──▶ ──conv──▶ + f

Source: Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017,
    Fig. 3. https://arxiv.org/abs/1707.02921
"""

from collections.abc import Sequence

from torch import nn

from bigpicture.models.contract import Backbone
from bigpicture.shapes import Float, Tensor

__all__ = ["Trunk"]


class Trunk(Backbone):
    """Maps normalised pictures to features of the same size.

    Args:
        colours: Channels of the pictures.
        channels: Feature channels c.
        blocks: The blocks between the two convolutions, each from c to c channels.
        reach: How many pixels away all blocks together see, other than through a context.
        bias: Whether the two convolutions have biases.
    """

    def __init__(
        self,
        colours: int,
        channels: int,
        blocks: Sequence[nn.Module],
        reach: int,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.reach = reach + 2
        self.first = nn.Conv2d(colours, channels, 3, padding=1, bias=bias)
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Conv2d(channels, channels, 3, padding=1, bias=bias)

    def forward(self, x: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c h w"]:
        """Return the features of the normalised pictures `x`."""
        features = self.first(x)
        return self.last(self.blocks(features)) + features
