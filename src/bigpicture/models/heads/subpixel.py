"""Sub-pixel upsampling: from features on the low-resolution grid to a high-resolution picture.

    (b, c, h, w) ──conv──▶ (b, width, h, w)                                    (some networks)
                 ──expand──▶ (b, r²·c, h, w) ──shuffle──▶ (b, c, r·h, r·w)     for each step r
                 ──conv──▶ (b, colours, H, W)

The scale is reached in prime steps (4 = 2 · 2), as in EDSR, SwinIR and RGT.

Source: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
    Sub-Pixel Convolutional Neural Network", CVPR 2016. https://arxiv.org/abs/1609.05158
"""

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import PositiveInt
from torch import nn

from bigpicture.compute.strips import in_strips
from bigpicture.models.contract import Count, Head
from bigpicture.shapes import Float, Tensor

__all__ = ["Expansion", "SubPixelHead", "SubPixelSettings", "expand", "prime_steps"]

Expansion = Literal["plain", "grouped", "depthwise"]
"""The convolution before each shuffle: `plain` is a 3×3 with bias (EDSR, RCAN, RDN, SwinIR, RGT),
`grouped` a 3×3 in groups of 4 channels (U-HDN), `depthwise` a depthwise 3×3 and a 1×1 (CoMoNet),
the latter two without bias."""

_GROUP = 4
"""Channels of a group: U-HDN's 64 channels make 16 groups, U-HDN-L's 128 make 32. With 16 groups,
the latter would need 472.27 G multiply-adds instead of the paper's 471.5; with 32, it needs 471.47.
"""


@dataclass(frozen=True)
class SubPixelSettings:
    """Settings of a sub-pixel head.

    Attributes:
        scale: Scale factor.
        expansion: See `Expansion`.
        width: Channels to which a 3×3 convolution and a LeakyReLU first reduce the features, as in
            transformers; None to omit these layers.
    """

    kind: Literal["subpixel"] = "subpixel"
    scale: Count = 2
    expansion: Expansion = "plain"
    width: PositiveInt | None = None

    def build(self, channels: int, colours: int) -> "SubPixelHead":
        """Return the untrained head for features with `channels` channels."""
        return SubPixelHead(channels, colours, self)


class SubPixelHead(Head):
    """Enlarges features by an integer factor and turns them into a picture.

    Args:
        channels: Feature channels c.
        colours: Channels of the picture.
        settings: See `SubPixelSettings`.

    Raises:
        ValueError: If the scale is below 1, or the channels cannot be split into groups.
    """

    def __init__(self, channels: int, colours: int, settings: SubPixelSettings) -> None:
        super().__init__(settings.scale)
        steps = prime_steps(settings.scale)
        # what lies up to two pixels away lies at most one away on the next coarser grid, where the
        # 3×3 window before the shuffle adds one: two again, however many steps there are
        self.reach = min(1 + len(steps), 2) + (settings.width is not None)
        self.before = nn.Sequential()
        if settings.width is not None:
            self.before.append(nn.Conv2d(channels, settings.width, 3, padding=1))
            self.before.append(nn.LeakyReLU(0.01))
            channels = settings.width
        self.up = nn.Sequential()
        for step in steps:
            self.up.extend(expand(channels, step, settings.expansion))
        self.last = nn.Conv2d(channels, colours, 3, padding=1)

    def forward(
        self,
        features: Float[Tensor, "b c h w"],
        low: Float[Tensor, "b d h w"],
        size: tuple[int, int] | None = None,
    ) -> Float[Tensor, "b d H W"]:
        """Return the picture of the features, `scale` times larger.

        Features on the fine grid need far more memory than anything before, so they are computed in
        strips where possible.
        """
        rows = features.permute(0, 2, 3, 1)
        return in_strips(self._enlarge, rows, halo=self.reach, scale=self.scale).permute(0, 3, 1, 2)

    def _enlarge(self, features: Float[Tensor, "b h w c"]) -> Float[Tensor, "b H W d"]:
        y = self.before(features.permute(0, 3, 1, 2))
        return self.last(self.up(y)).permute(0, 2, 3, 1)


def expand(channels: int, step: int, expansion: Expansion = "plain") -> list[nn.Module]:
    """Return the layers that enlarge features `step` times and keep the number of channels.

    Raises:
        ValueError: If the channels cannot be split into groups.
    """
    wide = channels * step**2
    if expansion == "plain":
        return [nn.Conv2d(channels, wide, 3, padding=1), nn.PixelShuffle(step)]
    if expansion == "grouped":
        if channels % _GROUP:
            raise ValueError(f"channels must be a multiple of {_GROUP} (a group), not {channels}")
        return [
            nn.Conv2d(channels, wide, 3, padding=1, groups=channels // _GROUP, bias=False),
            nn.PixelShuffle(step),
        ]
    return [
        nn.Conv2d(channels, wide, 3, padding=1, groups=channels, bias=False),
        nn.Conv2d(wide, wide, 1, bias=False),
        nn.PixelShuffle(step),
    ]


def prime_steps(scale: int) -> tuple[int, ...]:
    """Return the prime factors of `scale`, smallest first.

    >>> prime_steps(4), prime_steps(6), prime_steps(1)
    ((2, 2), (2, 3), ())
    """
    for factor in range(2, math.isqrt(scale) + 1):
        if scale % factor == 0:
            return (factor, *prime_steps(scale // factor))
    return (scale,) if scale > 1 else ()
