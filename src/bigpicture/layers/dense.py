"""Dense units without concatenation: each feature is convolved once for all layers that read it.

    x ─▶ f₀ = x;   fᵢ = act(Σ_{j<i} Wᵢⱼ * fⱼ);   out = T [f₀, f₁, …, f_L]

A dense layer i convolves all features before it. Written as above, feature j meets the kernels
W₍ⱼ₊₁₎ⱼ … W_Lⱼ of all its readers, so they are kept as one convolution of g·(L−j) output channels,
which runs as soon as the feature is made; the sums are kept. The convolutions are wider, the copies
are gone, and a context operator sees each channel once.

The result is that of concatenating, for plain kernels and for those of IKM, which looks at each
channel alone. CRAC relates the channels that it is given: here, for all readers of a feature, those
of the feature, and not, for each layer, those of all features before it. With CRAC, this is a unit
of its own, with fewer parameters.

Source: Huang et al., "Densely Connected Convolutional Networks", CVPR 2017, as used in RDN
    (https://arxiv.org/abs/1802.08797) and U-HDN (https://arxiv.org/abs/2111.08362, eq. (17)).
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from bigpicture.compute.woven import as_batch, pays_to_weave, weave
from bigpicture.context.contract import ContextOperator
from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.shapes import Float, Tensor

__all__ = ["DenseUnit"]


class DenseUnit(nn.Module):
    """`depth` densely connected convolutions and a 1×1 transition back to the channels it got.

    Args:
        channels: Channels c, the same in and out.
        growth: Channels g that each dense layer adds.
        depth: Dense layers L.
        modulation: What steers the dense layers' convolutions.
        activation: After each dense layer. There is none after the transition.
        bias: Whether the transition has one.
        thresholds: A threshold of IKM for each dense layer, where they differ.
        layer_bias: Whether the dense layers have biases. The convolution of x, which all of them
            read, holds those of all.
    """

    def __init__(
        self,
        channels: int,
        growth: int,
        depth: int,
        modulation: Modulation,
        activation: Activation,
        bias: bool = False,
        thresholds: Sequence[float] | None = None,
        layer_bias: bool = False,
    ) -> None:
        super().__init__()
        self.growth = growth
        widths = [channels] + [growth] * depth
        self.readers = nn.ModuleList(
            modulation.convolution(
                widths[j],
                growth * (depth - j),
                thresholds=None if thresholds is None else thresholds[j:],
                bias=layer_bias and j == 0,
            )
            for j in range(depth)
        )
        self.activations = nn.ModuleList(
            nn.Sequential(activation.build(), modulation.attention_layer(growth))
            if modulation.attention in ("channel", "spatial")
            else activation.build()
            for _ in range(depth)
        )
        self.transition = nn.Conv2d(sum(widths), channels, 1, bias=bias)
        self._start_like_dense_layers()

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return the features of `x` at the same size."""
        if not self._weaves(x):
            return self._connected(x, lambda read, feature: read(feature))
        images = len(x)
        fabric = self._connected(
            weave(x), lambda read, feature: weave(read(as_batch(feature, images)))
        )
        return as_batch(fabric, images).contiguous(memory_format=torch.channels_last)

    def _weaves(self, x: Tensor) -> bool:
        """Return whether images stay woven throughout, for readers with kernels for each."""
        return pays_to_weave(x, self.growth * len(self.readers)) and all(
            isinstance(read, ContextOperator) and read.kernels_per_image for read in self.readers
        )

    def _connected(self, x: Tensor, call: Callable[[nn.Module, Tensor], Tensor]) -> Tensor:
        features = [x]
        sums = None  # what the layers still to come have read so far
        for read, activate in zip(self.readers, self.activations, strict=True):
            new = call(read, features[-1])
            sums = new if sums is None else _sum(new, sums)
            # split, not sliced: its backward pass joins two gradients in their own memory layout,
            # a slice's pads each with zeros in the standard one
            left = sums.shape[1] - self.growth
            complete, sums = sums.split([self.growth, left], 1) if left else (sums, None)
            features.append(activate(complete))
        return self.transition(torch.cat(features, 1))

    @torch.no_grad()
    def _start_like_dense_layers(self) -> None:
        """Draw the kernels of layer i for the fan-in of the layer, not of one of its features."""
        for read in self.readers:
            weight = read.weight
            assert isinstance(weight, Tensor)
            if isinstance(read.bias, Tensor):
                read.bias.zero_()
            taps = weight[0, 0].numel()
            for layer, kernels in enumerate(reversed(weight.split(self.growth))):
                fan_in = self.transition.in_channels - self.growth * (
                    layer + 1
                )  # of layer L, L−1, …
                kernels.normal_(std=math.sqrt(2 / (fan_in * taps)))


def _sum(new: Tensor, sums: Tensor) -> Tensor:
    """Return the sum, in the memory of `new` where that is faster.

    In half precision, a CPU takes twice as long in place; and autograd copies views for it.
    """
    in_place = new.dtype.itemsize >= 4 and not torch.is_grad_enabled()
    return new.add_(sums) if in_place else new + sums
