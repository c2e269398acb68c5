"""Residual blocks: EDSR's, and its variants in RCAN, CRAN and U-HDN.

    x ──conv──▶ activation ──conv──▶ attention ──▶ · scale + x

Each maps (b, c, h, w) to the same shape. Its modulation gives the block its name:

    nothing             RB      Lim et al. (EDSR), https://arxiv.org/abs/1707.02921
    channel attention   RCAB    Zhang et al. (RCAN), https://arxiv.org/abs/1807.02758
    CRAC                CRAB    Zhang et al. (CRAN), ICCV 2021, eq. (6)
    IKM                         Huang et al. (U-HDN), https://arxiv.org/abs/2111.08362, Table III
"""

from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.shapes import Float, Tensor

__all__ = ["Residual", "block_reach", "modulation_by_place", "residual_block"]


class Residual(nn.Module):
    """A module that keeps the shape, plus its input.

    Args:
        body: Any module that keeps the shape.
        scale: Factor of its result; below 1, very wide networks train more stably.
    """

    def __init__(self, body: nn.Module, scale: float = 1.0) -> None:
        super().__init__()
        self.body = body
        self.scale = scale

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return `scale · body(x) + x`."""
        y = self.body(x)
        return x + (y if self.scale == 1 else self.scale * y)

    def extra_repr(self) -> str:
        """Show the scale."""
        return f"scale={self.scale}"


def residual_block(
    channels: int,
    modulation: Modulation,
    activation: Activation,
    bias: bool = False,
    scale: float = 1.0,
) -> Residual:
    """Return EDSR's block: convolution, activation, convolution, attention, plus the input.

    Args:
        channels: Channels c, the same in and out.
        modulation: How the block is modulated.
        activation: Activation between the convolutions.
        bias: Whether the convolutions have biases.
        scale: Factor of the result, before the input is added.
    """
    body = nn.Sequential(
        modulation.convolution(channels, channels, bias=bias),
        activation.build(),
        modulation.convolution(channels, channels, bias=bias),
        modulation.attention_layer(channels),
    )
    return Residual(body, scale)


def block_reach(modulation: Modulation) -> int:
    """Return how many pixels away a `residual_block` sees, other than through a context."""
    return modulation.kernel_reach + modulation.reach  # attention follows the second convolution


def modulation_by_place(
    modulation: Modulation, places: Sequence[int] | None, blocks: int
) -> list[Modulation]:
    """Return the modulation of each block: `modulation` at `places`, none elsewhere.

    Args:
        modulation: Modulation of the blocks at `places`.
        places: Blocks counted from 1; None for all.
        blocks: Number of blocks.

    Raises:
        ValueError: If a place is outside 1…`blocks`.
    """
    everywhere = range(1, blocks + 1)
    places = everywhere if places is None else places
    beyond = sorted(set(places) - set(everywhere))
    if beyond:
        raise ValueError(f"places must lie in 1…{blocks} (the blocks), not {beyond}")
    plain = replace(modulation, attention="none")
    return [modulation if place in places else plain for place in everywhere]
