"""Global feature fusion: one convolution mixes the outputs of successive blocks.

    x₀ = x;  xᵢ = blockᵢ(xᵢ₋₁);  out = T [x₀, x₁, …, xₙ] + x      each (b, c, h, w), T 1×1

Source: Zhang et al. (RDN), Sec. 3.3, https://arxiv.org/abs/1802.08797; as a block of a network in
    U-HDN's Table III, https://arxiv.org/abs/2111.08362.
Changed: x₀ is fused as well, which the table's 411.0 K parameters and 18.0 G multiply-adds imply.
"""

from collections.abc import Sequence

import torch
from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["FusedBlocks"]


class FusedBlocks(nn.Module):
    """Successive blocks whose outputs are fused, plus their input.

    Args:
        blocks: Modules that keep the shape (b, c, h, w).
        channels: Channels c.
        bias: Whether the fusion has a bias.
    """

    def __init__(self, blocks: Sequence[nn.Module], channels: int, bias: bool = False) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.fuse = nn.Conv2d(channels * (len(blocks) + 1), channels, 1, bias=bias)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return the features of `x` at the same size."""
        made = [x]
        for block in self.blocks:
            made.append(block(made[-1]))
        return self.fuse(torch.cat(made, 1)) + x
