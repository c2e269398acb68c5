"""Sub-pixel upsampling: features on the low-resolution grid become a picture on the high one.

    (b, c, h, w) ──expand──▶ (b, r²·c, h, w) ──shuffle──▶ (b, c, r·h, r·w)     for each step r
                 ──conv──▶ (b, colours, H, W)

A scale is climbed in prime steps (4 = 2 · 2), as EDSR, SwinIR and RGT do.

Source: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
    Sub-Pixel Convolutional Neural Network", CVPR 2016. https://arxiv.org/abs/1609.05158
"""

from typing import Literal

from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["Expansion", "SubPixelHead", "prime_steps"]

Expansion = Literal["grouped", "depthwise"]


class SubPixelHead(nn.Module):
    """Enlarge features by a whole factor and turn them into a picture.

    Args:
        channels: Feature channels c.
        colours: Channels of the picture.
        scale: Enlargement of each side.
        expansion: The convolution before each shuffle, without bias: `grouped` is a 3×3
            convolution in 16 groups (U-HDN), `depthwise` a 3×3 in as many groups as channels and
            a 1×1 (CoMoNet).

    Raises:
        ValueError: If `scale` is below 1, or `channels` do not divide into the groups.
    """

    def __init__(self, channels: int, colours: int, scale: int, expansion: Expansion) -> None:
        super().__init__()
        if expansion == "grouped" and channels % 16:
            raise ValueError(f"channels must be a multiple of 16 (the groups), not {channels}")
        self.up = nn.Sequential()
        for step in prime_steps(scale):
            self.up.extend(_expand(channels, channels * step**2, expansion))
            self.up.append(nn.PixelShuffle(step))
        self.last = nn.Conv2d(channels, colours, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d H W"]:
        """Return the picture of the features `x`."""
        return self.last(self.up(x))


def _expand(c_in: int, c_out: int, expansion: Expansion) -> list[nn.Module]:
    if expansion == "grouped":
        return [nn.Conv2d(c_in, c_out, 3, padding=1, groups=16, bias=False)]
    return [
        nn.Conv2d(c_in, c_out, 3, padding=1, groups=c_in, bias=False),
        nn.Conv2d(c_out, c_out, 1, bias=False),
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
