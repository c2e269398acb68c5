"""Dynamic position bias: a small network maps the offset of two pixels to their attention bias.

    offsets (2h − 1, 2w − 1, 2) ──linear──▶ 3 × (norm, ReLU, linear) ──▶ one bias per head
    biases of offsets ──▶ biases of pairs of pixels (heads, l, l)

A table would have to be learned entry by entry; here, nearby offsets have similar biases.

Source: Wang et al., "CrossFormer: A Versatile Vision Transformer Hinging on Cross-scale Attention",
    ICLR 2022. https://arxiv.org/abs/2108.00154
"""

from collections.abc import Iterable

import torch
from torch import nn

from bigpicture.layers.windows import biases_of_pairs
from bigpicture.shapes import Float, Tensor

__all__ = ["DynamicPositionBias"]


class DynamicPositionBias(nn.Module):
    """Returns a bias for each head and each pair of pixels in a window, from the pair's offset.

    Args:
        heads: Number of heads, each with its own bias.
        window: Height and width of the largest windows.
        hidden: Width of the network. With 1, its norms would make all offsets alike.
    """

    def __init__(self, heads: int, window: tuple[int, int], hidden: int) -> None:
        super().__init__()
        self.window = window
        layers: list[nn.Module] = [nn.Linear(2, hidden)]
        for width in (hidden, hidden, heads):
            layers += [nn.LayerNorm(hidden), nn.ReLU(), nn.Linear(hidden, width)]
        self.layers = nn.Sequential(*layers)

    def forward(
        self, sizes: Iterable[tuple[int, int]]
    ) -> dict[tuple[int, int], Float[Tensor, "heads l l"]]:
        """Return the biases of all pairs of pixels, for windows of each height and width."""
        like = next(self.parameters())
        y, x = (torch.arange(1 - side, side).to(like) for side in self.window)
        offsets = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1)
        table = self.layers(offsets).permute(2, 0, 1)
        return {size: biases_of_pairs(table, *size) for size in sizes}
