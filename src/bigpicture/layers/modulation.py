"""How the convolutions of a block are steered: not at all, by channel, by pixel, or by kernel.

A block asks for two things: the convolution that it should use, and the attention that follows
a convolution. IKM and CRAC are the first, channel and spatial attention are the second.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import PositiveInt
from torch import nn

from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.context.crac import CRACConv2d, CRACPart
from bigpicture.context.ikm import Form, Gradient, IKMConv2d
from bigpicture.layers.spatial_attention import WINDOW, SpatialAttention

__all__ = ["Activation", "Attention", "CRACSettings", "Modulation"]

Attention = Literal["none", "channel", "spatial", "ikm", "crac"]


@dataclass(frozen=True)
class Activation:
    """ReLU, or with a `slope` above 0 LeakyReLU."""

    slope: float = 0.0

    def build(self) -> nn.Module:
        """Return the activation as a layer."""
        return nn.LeakyReLU(self.slope) if self.slope else nn.ReLU()


@dataclass(frozen=True)
class CRACSettings:
    """What CRAC has beside a convolution, see `CRACConv2d`.

    Attributes:
        groups: Of the layer between channels. Where they do not divide the channels, as many as
            divide both these and them.
        latent: Context descriptors; without, ⌊k²/2⌋ + 1.
        without: Parts that are left out, for the paper's Tables 1 and 2.
    """

    groups: int = 16
    latent: int | None = None
    without: tuple[CRACPart, ...] = ()


@dataclass(frozen=True)
class Modulation:
    """What steers a block's convolutions.

    Attributes:
        attention: `none`, `channel` (RCAN's), `spatial` (CBAM's), `ikm` or `crac`.
        kernel: Side of the convolutions' kernels, odd.
        dilation: Distance between their taps.
        threshold: τ of IKM, above which a feature is active.
        form: Which of IKM's attentions.
        gradient: What a kernel modulated by IKM learns from a batch.
        reduction: How many times narrower channel attention is inside.
        crac: What CRAC has beside a convolution.

    Raises:
        ValueError: If the kernel has no middle.
    """

    attention: Attention = "ikm"
    kernel: PositiveInt = 3
    dilation: PositiveInt = 1
    threshold: float = 0.0
    form: Form = "residual"
    gradient: Gradient = "iso"
    reduction: PositiveInt = 4
    crac: CRACSettings = CRACSettings()

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, so that the size is kept, not {self.kernel}")

    @property
    def reach(self) -> int:
        """How many pixels away a layer sees, a convolution and the attention that follows it."""
        window = WINDOW // 2 if self.attention == "spatial" else 0
        return self.dilation * (self.kernel // 2) + window

    def convolution(
        self,
        c_in: int,
        c_out: int,
        *,
        thresholds: Sequence[float] | None = None,
        bias: bool = False,
    ) -> nn.Module:
        """Return a convolution that keeps the size."""
        if self.attention == "ikm":
            return IKMConv2d(
                c_in,
                c_out,
                self.kernel,
                self.dilation,
                self.threshold if thresholds is None else thresholds,
                self.form,
                self.gradient,
                bias,
            )
        if self.attention == "crac":
            return CRACConv2d(
                c_in,
                c_out,
                self.kernel,
                math.gcd(self.crac.groups, c_in, c_out),
                self.crac.latent,
                self.dilation,
                bias,
                self.crac.without,
            )
        padding = self.dilation * (self.kernel // 2)
        return nn.Conv2d(
            c_in, c_out, self.kernel, padding=padding, dilation=self.dilation, bias=bias
        )

    def attention_layer(self, channels: int) -> nn.Module:
        """Return what follows a convolution of so many channels."""
        if self.attention == "channel":
            return ChannelAttention(channels, reduction=min(self.reduction, channels))
        if self.attention == "spatial":
            return SpatialAttention()
        return nn.Identity()
