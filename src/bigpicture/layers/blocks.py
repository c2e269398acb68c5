"""Residual blocks: EDSR's, and what RCAN, CRAN and U-HDN make of it.

    x ──conv──▶ activation ──conv──▶ attention ──▶ · scale + x

Each maps (b, c, h, w) to the same shape. What steers the two convolutions makes the block's name:

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

__all__ = ["Residual", "modulation_by_place", "residual_block"]


class Residual(nn.Module):
    """Anything of equal shape in and out, plus its input.

    Args:
        body: Any module.
        scale: What its result is multiplied by; below 1, very wide networks train more stably.
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
        """Show what the result is multiplied by."""
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
        modulation: What steers the convolutions.
        activation: Between the convolutions.
        bias: Whether the convolutions have biases.
        scale: What is multiplied before the input is added.
    """
    body = nn.Sequential(
        modulation.convolution(channels, channels, bias=bias),
        activation.build(),
        modulation.convolution(channels, channels, bias=bias),
        modulation.attention_layer(channels),
    )
    return Residual(body, scale)


def modulation_by_place(
    modulation: Modulation, places: Sequence[int] | None, blocks: int
) -> list[Modulation]:
    """Return what steers each of so many blocks: `modulation` at `places`, nothing elsewhere.

    Args:
        modulation: At the places.
        places: Counted from 1. All, where there is no list of them.
        blocks: How many blocks there are.

    Raises:
        ValueError: If there is no such place.
    """
    everywhere = range(1, blocks + 1)
    places = everywhere if places is None else places
    beyond = sorted(set(places) - set(everywhere))
    if beyond:
        raise ValueError(f"places must lie in 1…{blocks} (the blocks), not {beyond}")
    plain = replace(modulation, attention="none")
    return [modulation if place in places else plain for place in everywhere]
