"""A linear layer applied to each pixel of features with channels last.

    (b, h, w, c) ──weight (d, c), bias (d)──▶ (b, h, w, d)

Transformers work on tokens, convolutions on feature maps; in channels-last memory both are the
same, so nothing is reordered between them.
"""

from torch import nn

from bigpicture.compute.products import linear
from bigpicture.shapes import Float, Tensor

__all__ = ["Pointwise", "pointwise"]


def pointwise(
    x: Float[Tensor, "*n c"], weight: Float[Tensor, "d c"], bias: Float[Tensor, " d"]
) -> Float[Tensor, "*n d"]:
    """Return the new channels of every pixel, `x weightᵀ + bias`."""
    rows = x.reshape(-1, x.shape[-1])
    return linear(rows, weight, bias).view(*x.shape[:-1], len(weight))


class Pointwise(nn.Linear):
    """`nn.Linear` at the speed of convolutions; see `bigpicture.compute.products`."""

    def forward(self, input: Float[Tensor, "*n c"]) -> Float[Tensor, "*n d"]:
        """Return the new channels of every pixel."""
        return pointwise(input, self.weight, self.bias)
