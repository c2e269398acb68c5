"""The end of a group of transformer blocks: one convolution, or three that are cheaper together.

    1conv   (b, c, h, w) ──3×3──▶ (b, c, h, w)
    3conv   (b, c, h, w) ──3×3──▶ (b, c/4, h, w) ──1×1──▶ (b, c/4, h, w) ──3×3──▶ (b, c, h, w)

Source: Liang et al., "SwinIR: Image Restoration Using Swin Transformer", ICCV Workshops 2021.
    https://arxiv.org/abs/2108.10257
"""

from typing import Literal

from torch import nn

__all__ = ["REACH", "Connection", "connection"]

Connection = Literal["1conv", "3conv"]

REACH: dict[Connection, int] = {"1conv": 1, "3conv": 2}
"""How many pixels away each kind sees."""


def connection(channels: int, kind: Connection) -> nn.Module:
    """Return convolutions that keep `channels`; three have LeakyReLU (0.2) between them."""
    if kind == "1conv":
        return nn.Conv2d(channels, channels, 3, padding=1)
    narrow = channels // 4
    return nn.Sequential(
        nn.Conv2d(channels, narrow, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(narrow, narrow, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(narrow, channels, 3, padding=1),
    )
