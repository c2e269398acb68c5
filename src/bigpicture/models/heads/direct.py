"""The lightest head: one convolution straight to the pixels of the larger picture.

    (b, c, h, w) ──conv──▶ (b, colours·r², h, w) ──shuffle──▶ (b, colours, r·h, r·w)

Source: SwinIR's lightweight networks ("pixelshuffledirect"), https://arxiv.org/abs/2108.10257;
    Shi et al. (ESPCN), https://arxiv.org/abs/1609.05158
"""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from bigpicture.models.contract import Count, Head
from bigpicture.shapes import Float, Tensor

__all__ = ["DirectHead", "DirectSettings"]


@dataclass(frozen=True)
class DirectSettings:
    """Settings of a direct head.

    Attributes:
        scale: Scale factor.
    """

    kind: Literal["direct"] = "direct"
    scale: Count = 2

    def build(self, channels: int, colours: int) -> "DirectHead":
        """Return the untrained head for features with `channels` channels."""
        return DirectHead(channels, colours, self)


class DirectHead(Head):
    """Turns features into a picture, enlarged by an integer factor, with one convolution.

    Args:
        channels: Feature channels c.
        colours: Channels of the picture.
        settings: See `DirectSettings`.

    Raises:
        ValueError: If the scale is below 1.
    """

    reach = 1

    def __init__(self, channels: int, colours: int, settings: DirectSettings) -> None:
        super().__init__(settings.scale)
        self.expand = nn.Conv2d(channels, colours * self.scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(self.scale)

    def forward(
        self,
        features: Float[Tensor, "b c h w"],
        low: Float[Tensor, "b d h w"],
        size: tuple[int, int] | None = None,
    ) -> Float[Tensor, "b d H W"]:
        """Return the picture of the features, `scale` times larger."""
        return self.shuffle(self.expand(features))
