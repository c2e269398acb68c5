"""Modulation of a block: of its kernels, its channels, its pixels, or none.

A modulation provides a block with two layers: the convolution to use, and the attention that
follows a convolution. IKM and CRAC are convolutions; channel and spatial attention follow one.
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
    """ReLU, or LeakyReLU if `slope` is not 0."""

    slope: float = 0.0

    def build(self) -> nn.Module:
        """Return the activation as a layer."""
        return nn.LeakyReLU(self.slope) if self.slope else nn.ReLU()


@dataclass(frozen=True)
class CRACSettings:
    """Settings of CRAC beyond those of a convolution, see `CRACConv2d`.

    Attributes:
        groups: Groups of the layer between channels. If they do not divide the channels, their
            greatest common divisor with the channels is used.
        latent: Number of context descriptors; None for ⌊k²/2⌋ + 1.
        without: Parts to leave out, for the paper's Tables 1 and 2.
    """

    groups: PositiveInt = 16
    latent: PositiveInt | None = None
    without: tuple[CRACPart, ...] = ()


@dataclass(frozen=True)
class Modulation:
    """How a block is modulated.

    Attributes:
        attention: `none`, `channel` (RCAN's), `spatial` (CBAM's), `ikm` or `crac`.
        kernel: Side of the convolutions' kernels, odd.
        dilation: Distance between a kernel's taps.
        threshold: IKM's τ, above which a feature is active.
        form: Form of IKM's attention, see `bigpicture.context.ikm`.
        gradient: What a kernel modulated by IKM learns from a batch, see `bigpicture.context.ikm`.
        reduction: Factor by which the inner layer of channel attention is narrower: 4 as in U-HDN,
            16 in RCAN.
        crac: Settings of CRAC beyond those of a convolution.

    Raises:
        ValueError: If `kernel` is even.
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
    def kernel_reach(self) -> int:
        """How many pixels away a convolution sees."""
        return self.dilation * (self.kernel // 2)

    @property
    def reach(self) -> int:
        """How many pixels away a convolution and the attention that follows it see together."""
        return self.kernel_reach + (WINDOW // 2 if self.attention == "spatial" else 0)

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
        return nn.Conv2d(
            c_in,
            c_out,
            self.kernel,
            padding=self.kernel_reach,
            dilation=self.dilation,
            bias=bias,
        )

    def attention_layer(self, channels: int) -> nn.Module:
        """Return the layer that follows a convolution with `channels` output channels."""
        if self.attention == "channel":
            return ChannelAttention(channels, reduction=min(self.reduction, channels))
        if self.attention == "spatial":
            return SpatialAttention()
        return nn.Identity()
