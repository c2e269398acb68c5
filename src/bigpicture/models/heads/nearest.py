"""Nearest-neighbour upsampling and convolution: fewer artefacts than sub-pixels in GAN training.

    (b, c, h, w) ──conv──▶ (b, width, h, w)
                 ──repeat ×2──▶ ──conv──▶ (b, width, 2h, 2w)     for each doubling
                 ──conv──▶ ──conv──▶ (b, colours, H, W)

Networks trained against a discriminator end like this, as pixel shuffle then leaves checkerboards:
ESRGAN, Real-ESRGAN, and the real-world SwinIR ("nearest+conv").

Source: Liang et al. (SwinIR), https://arxiv.org/abs/2108.10257; Odena et al., "Deconvolution and
    Checkerboard Artifacts", https://distill.pub/2016/deconv-checkerboard
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import PositiveInt
from torch import nn

from bigpicture.models.contract import Count, Head
from bigpicture.shapes import Float, Tensor

__all__ = ["NearestHead", "NearestSettings"]


@dataclass(frozen=True)
class NearestSettings:
    """Settings of such a head.

    Attributes:
        scale: Scale factor, a power of 2.
        width: Channels between the features and the picture.
    """

    kind: Literal["nearest"] = "nearest"
    scale: Count = 4
    width: PositiveInt = 64

    def build(self, channels: int, colours: int) -> "NearestHead":
        """Return the untrained head for features with `channels` channels."""
        return NearestHead(channels, colours, self)


class NearestHead(Head):
    """Enlarges features by repeated doubling and turns them into a picture.

    Args:
        channels: Feature channels c.
        colours: Channels of the picture.
        settings: See `NearestSettings`.

    Raises:
        ValueError: If the scale is not a power of 2.
    """

    def __init__(self, channels: int, colours: int, settings: NearestSettings) -> None:
        super().__init__(settings.scale)
        width = settings.width
        if self.scale & (self.scale - 1):
            raise ValueError(f"scale must be a power of 2, which doubling gives, not {self.scale}")
        doublings = self.scale.bit_length() - 1
        self.reach = _reach(doublings)
        self.before = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(0.01))
        self.up = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(doublings))
        self.hr = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, colours, 3, padding=1)
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        self.activation = nn.LeakyReLU(0.2)

    def forward(
        self,
        features: Float[Tensor, "b c h w"],
        low: Float[Tensor, "b d h w"],
        size: tuple[int, int] | None = None,
    ) -> Float[Tensor, "b d H W"]:
        """Return the picture of the features, `scale` times larger."""
        y = self.before(features)
        for convolution in self.up:
            y = self.activation(convolution(self.enlarge(y)))
        return self.last(self.activation(self.hr(y)))


def _reach(doublings: int) -> int:
    """Return how many low-resolution pixels away a feature has influence."""
    pixels = 2  # the two convolutions on the finest grid
    for _ in range(doublings):
        pixels = -(-(pixels + 1) // 2)
    return pixels + 1
