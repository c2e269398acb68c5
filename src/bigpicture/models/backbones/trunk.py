"""The trunk of U-HDN: first convolution, blocks, last convolution, plus the first features.

    (b, colours, h, w) ──conv──▶ f (b, c, h, w) ──blocks──▶ ──conv──▶ + f

Source: Huang et al., https://arxiv.org/abs/2111.08362, Fig. 4.
"""

from collections.abc import Sequence

from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["Trunk"]


class Trunk(nn.Module):
    """Features of a picture, at its size.

    Args:
        colours: Channels of the picture.
        channels: Feature channels c.
        blocks: The blocks between the two convolutions, each from c to c channels.
        bias: Whether the two convolutions have one.
    """

    def __init__(
        self, colours: int, channels: int, blocks: Sequence[nn.Module], bias: bool = False
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(colours, channels, 3, padding=1, bias=bias)
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Conv2d(channels, channels, 3, padding=1, bias=bias)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        """Return the features of the normalised picture `x`."""
        features = self.first(x)
        return self.last(self.blocks(features)) + features
