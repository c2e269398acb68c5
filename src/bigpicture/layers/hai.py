"""HAI, hybrid adaptive integration: what a block got is added to what it made, channel by channel.

    block(x) + γ ⊙ x     γ (c) learned, close to 0 at first

Blocks that see the whole picture and blocks that see a window alternate, so what goes into a block
is of the other kind than what comes out. Added as it is, it would not fit (Table 1c).

Source: Chen et al., "Recursive Generalization Transformer for Image Super-Resolution", ICLR 2024,
    eq. (3), where γ is called α. https://arxiv.org/abs/2303.06373
"""

import torch
from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["HybridAdaptiveIntegration"]


class HybridAdaptiveIntegration(nn.Module):
    """Add `γ ⊙ x`.

    Args:
        channels: Channels c.
        start: What γ is at first, everywhere.
    """

    def __init__(self, channels: int, start: float = 1e-4) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((channels,), start))

    def forward(
        self, made: Float[Tensor, "b h w c"], x: Float[Tensor, "b h w c"]
    ) -> Float[Tensor, "b h w c"]:
        """Return what a block `made` of `x`, plus γ ⊙ x."""
        return torch.addcmul(made, self.gamma, x)
