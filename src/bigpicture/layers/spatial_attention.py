"""Spatial attention: scales each pixel by a summary of the channels around it.

    (b, c, h, w) ──mean, max over c──▶ (b, 2, h, w) ──conv, σ──▶ (b, 1, h, w)      ⊙ x

Source: Woo et al., "CBAM: Convolutional Block Attention Module", ECCV 2018, eq. (3).
    https://arxiv.org/abs/1807.06521
"""

import torch
from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["WINDOW", "SpatialAttention"]

WINDOW = 7
"""Side of the window around a pixel, as published."""


class SpatialAttention(nn.Module):
    """Scales each pixel by a weight computed from the window around it.

    Args:
        window: Side of the window, odd.

    Raises:
        ValueError: If `window` is even or below 1.
    """

    def __init__(self, window: int = WINDOW) -> None:
        super().__init__()
        if window < 1 or window % 2 == 0:
            raise ValueError(f"window must be odd, so that the size is kept, not {window}")
        self.conv = nn.Conv2d(2, 1, window, padding=window // 2, bias=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return `x` with each pixel scaled."""
        summary = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.conv(summary))
