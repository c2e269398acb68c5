"""Sub-pixel upsampling: features on the low-resolution grid become a picture on the high one.

    (b, c, h, w) ──conv──▶ (b, width, h, w)                                    (some networks)
                 ──expand──▶ (b, r²·c, h, w) ──shuffle──▶ (b, c, r·h, r·w)     for each step r
                 ──conv──▶ (b, colours, H, W)

A scale is climbed in prime steps (4 = 2 · 2), as EDSR, SwinIR and RGT do.

Source: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
    Sub-Pixel Convolutional Neural Network", CVPR 2016. https://arxiv.org/abs/1609.05158
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import PositiveInt
from torch import nn

from bigpicture.compute.strips import in_strips
from bigpicture.models.contract import Head
from bigpicture.shapes import Float, Tensor

__all__ = ["Expansion", "SubPixelHead", "SubPixelSettings", "expand", "prime_steps"]

Expansion = Literal["plain", "grouped", "depthwise"]
"""The convolution before each shuffle: `plain` is a 3×3 with bias (EDSR, RCAN, RDN, SwinIR, RGT),
`grouped` a 3×3 in groups of 4 channels without (U-HDN), `depthwise` a 3×3 in as many groups as
channels and a 1×1, without (CoMoNet)."""

_GROUP = 4
"""Channels of a group: 16 groups of U-HDN's 64 channels, 32 of U-HDN-L's 128. With 16, the latter
would need 472.27 G multiply-adds, and not the paper's 471.5; with 32, it needs 471.47."""


@dataclass(frozen=True)
class SubPixelSettings:
    """Everything that makes a sub-pixel head.

    Attributes:
        scale: Enlargement of each side.
        expansion: See `Expansion`.
        width: Channels that a 3×3 convolution and a LeakyReLU bring the features to first, as
            transformers have it; without, the features are expanded as they are.
    """

    kind: Literal["subpixel"] = "subpixel"
    scale: PositiveInt = 2
    expansion: Expansion = "plain"
    width: PositiveInt | None = None

    def build(self, channels: int, colours: int) -> "SubPixelHead":
        """Return the untrained head on features of so many channels."""
        return SubPixelHead(channels, colours, self)


class SubPixelHead(Head):
    """Enlarge features by a whole factor and turn them into a picture.

    Args:
        channels: Feature channels c.
        colours: Channels of the picture.
        settings: See `SubPixelSettings`.

    Raises:
        ValueError: If the scale is below 1, or the channels do not divide into the groups.
    """

    def __init__(self, channels: int, colours: int, settings: SubPixelSettings) -> None:
        super().__init__()
        self.scale = settings.scale
        steps = prime_steps(settings.scale)
        # on the finer grids, a window reaches less than one low-resolution pixel more
        self.reach = len(steps) + 1 + (settings.width is not None)
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

        On the fine grid, features need much more memory than anything before, so they are made in
        strips where nothing needs them again.
        """
        rows = features.permute(0, 2, 3, 1)
        return in_strips(self._enlarge, rows, halo=self.reach, scale=self.scale).permute(0, 3, 1, 2)

    def _enlarge(self, features: Float[Tensor, "b h w c"]) -> Float[Tensor, "b H W d"]:
        y = self.before(features.permute(0, 3, 1, 2))
        return self.last(self.up(y)).permute(0, 2, 3, 1)


def expand(channels: int, step: int, expansion: Expansion = "plain") -> list[nn.Module]:
    """Return the layers that enlarge features `step` times and keep their channels.

    Raises:
        ValueError: If the channels do not divide into the groups.
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
    if scale < 1:
        raise ValueError(f"scale must be a whole number of at least 1, not {scale}")
    for factor in range(2, scale + 1):
        if scale % factor == 0:
            return (factor, *prime_steps(scale // factor))
    return ()
