"""How the convolutions of a block are steered: not at all, by channel, by pixel, or by kernel.

A block asks for two things: the convolution that it should use, and the attention that follows
a convolution. IKM is the first, channel and spatial attention are the second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.context.ikm import Form, Gradient, IKMConv2d
from bigpicture.layers.spatial_attention import SpatialAttention

__all__ = ["Activation", "Attention", "Modulation"]

Attention = Literal["none", "channel", "spatial", "ikm"]


@dataclass(frozen=True)
class Activation:
    """ReLU, or with a `slope` above 0 LeakyReLU."""

    slope: float = 0.0

    def build(self) -> nn.Module:
        """Return the activation as a layer."""
        return nn.LeakyReLU(self.slope) if self.slope else nn.ReLU()


@dataclass(frozen=True)
class Modulation:
    """What steers a block's convolutions.

    Attributes:
        attention: `none`, `channel` (RCAN's, by a quarter), `spatial` (CBAM's) or `ikm`.
        kernel: Side of the convolutions' kernels, odd.
        dilation: Distance between their taps.
        threshold: τ of IKM, above which a feature is active.
        form: Which of IKM's attentions.
        gradient: What a modulated kernel learns from a batch.
    """

    attention: Attention = "ikm"
    kernel: int = 3
    dilation: int = 1
    threshold: float = 0.0
    form: Form = "residual"
    gradient: Gradient = "iso"

    def convolution(
        self, c_in: int, c_out: int, *, thresholds: Sequence[float] | None = None
    ) -> nn.Module:
        """Return a convolution without bias that keeps the size."""
        if self.attention == "ikm":
            return IKMConv2d(
                c_in,
                c_out,
                self.kernel,
                self.dilation,
                self.threshold if thresholds is None else thresholds,
                self.form,
                self.gradient,
            )
        padding = self.dilation * (self.kernel // 2)
        return nn.Conv2d(
            c_in, c_out, self.kernel, padding=padding, dilation=self.dilation, bias=False
        )

    def attention_layer(self, channels: int) -> nn.Module:
        """Return what follows a convolution of so many channels."""
        if self.attention == "channel":
            return ChannelAttention(channels, reduction=min(4, channels))
        if self.attention == "spatial":
            return SpatialAttention()
        return nn.Identity()
