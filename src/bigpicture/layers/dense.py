"""Dense units without concatenation: each feature is convolved once for all layers that read it.

    x ─▶ f₀ = x;   fᵢ = act(Σ_{j<i} Wᵢⱼ * fⱼ);   out = T [f₀, f₁, …, f_L]

A dense layer i convolves all features before it. Written as above, feature j meets the kernels
W₍ⱼ₊₁₎ⱼ … W_Lⱼ of all its readers, so these are stored as one convolution with g·(L−j) output
channels, which runs as soon as the feature exists and adds to running sums. The convolutions are
wider, nothing is copied, and a context operator sees each channel once.

The result equals that of concatenation for plain kernels and for IKM, which looks at each channel
alone. CRAC relates its input channels to each other: here those of one feature, for all its
readers, instead of those of all earlier features, for each layer. So with CRAC, this is a different
unit, with fewer parameters.

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
    """`depth` densely connected convolutions and a 1×1 transition back to the input's channels.

    Args:
        channels: Channels c, the same in and out.
        growth: Channels g that each dense layer adds.
        depth: Number of dense layers L.
        modulation: How the dense layers are modulated.
        activation: Activation after each dense layer. There is none after the transition.
        bias: Whether the transition has a bias.
        thresholds: IKM's threshold of each dense layer; None if all share that of `modulation`.
        layer_bias: Whether the dense layers have biases. They are all held by the convolution of x,
            which every layer reads.
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
        """Return whether to keep the batch woven: readers have kernels per image, and it pays."""
        return pays_to_weave(x, self.growth * len(self.readers)) and all(
            isinstance(read, ContextOperator) and read.kernels_per_image for read in self.readers
        )

    def _connected(self, x: Tensor, call: Callable[[nn.Module, Tensor], Tensor]) -> Tensor:
        features = [x]
        sums = None  # of what the remaining layers have read so far
        for read, activate in zip(self.readers, self.activations, strict=True):
            new = call(read, features[-1])
            sums = new if sums is None else _sum(new, sums)
            # split, not sliced: its backward pass joins two gradients in their own memory layout,
            # whereas that of a slice pads each with zeros in the standard layout
            left = sums.shape[1] - self.growth
            complete, sums = sums.split([self.growth, left], 1) if left else (sums, None)
            features.append(activate(complete))
        return self.transition(torch.cat(features, 1))

    @torch.no_grad()
    def _start_like_dense_layers(self) -> None:
        """Initialise the kernels of layer i for the layer's fan-in, not that of one feature."""
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
    """Return the sum, in place of `new` where that is faster.

    In half precision, a CPU takes twice as long in place, and autograd would have to copy views.
    """
    in_place = new.dtype.itemsize >= 4 and not torch.is_grad_enabled()
    return new.add_(sums) if in_place else new + sums
