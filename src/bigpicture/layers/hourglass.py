"""U-hourglass dense block: six dense units, deepest at both ends, with skips in the shape of a U.

    x ─u₁─▶ x₁ ─u₂─▶ x₂ ─u₃─▶ x₃ ─u₄─▶ + x₂ = x₄ ─u₅─▶ + x₁ = x₅ ─u₆─▶ + x

Source: Huang et al., "Image-specific Convolutional Kernel Modulation for Single Image
    Super-resolution", eq. (19). https://arxiv.org/abs/2111.08362
"""

from collections.abc import Sequence

from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["UHourglassBlock"]


class UHourglassBlock(nn.Module):
    """An even number of units, of which the second half adds inputs kept from the first half.

    Args:
        units: The units u₁ … u₂ₙ, each of which keeps the shape (b, c, h, w).
        skips: Whether to use the U's inner skips. If not, only the block's own input is added.

    Raises:
        ValueError: If the number of units is odd or 0.
    """

    def __init__(self, units: Sequence[nn.Module], skips: bool = True) -> None:
        super().__init__()
        if not units or len(units) % 2:
            raise ValueError(f"a U needs an even number of units, not {len(units)}")
        self.units = nn.ModuleList(units)
        self.skips = skips

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return the features of `x` at the same size."""
        half = len(self.units) // 2
        kept = [x]
        for unit in list(self.units)[: half - 1]:
            kept.append(unit(kept[-1]))
        y = self.units[half - 1](kept[-1])
        for unit in list(self.units)[half:]:
            skip = kept.pop()
            y = unit(y) + skip if self.skips or not kept else unit(y)
        return y
