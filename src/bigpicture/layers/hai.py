"""HAI, hybrid adaptive integration: a block's input, scaled per channel, is added to its output.

    block(x) + γ ⊙ x     γ (c) learned, close to 0 at first

Blocks that see the whole picture and blocks that see a window alternate, so a block's input and
output are of different kinds. Adding the input unscaled would not suit the output (Table 1c).

Source: Chen et al., "Recursive Generalization Transformer for Image Super-Resolution", ICLR 2024,
    eq. (3), where γ is called α. https://arxiv.org/abs/2303.06373
"""

import torch
from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["HybridAdaptiveIntegration"]


class HybridAdaptiveIntegration(nn.Module):
    """Adds `γ ⊙ x`.

    Args:
        channels: Channels c.
        start: Initial value of all elements of γ.
    """

    def __init__(self, channels: int, start: float = 1e-4) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((channels,), start))

    def forward(
        self, made: Float[Tensor, "b h w c"], x: Float[Tensor, "b h w c"]
    ) -> Float[Tensor, "b h w c"]:
        """Return a block's output `made` plus γ ⊙ its input `x`."""
        return torch.addcmul(made, self.gamma, x)
