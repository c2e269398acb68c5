"""A multi-layer perceptron whose first layer may be computed in parts.

    (n, c) ──first──▶ (n, d) ──ReLU, linear──▶ … ──ReLU──▶ (n, d) ──last──▶ (n, out)

If the input is a concatenation, the first layer is a sum of products, some of which many rows may
share. Callers that compute the first layer themselves continue with `hidden`.
"""

from typing import cast

import torch
from torch import nn

from bigpicture.compute.products import linear
from bigpicture.shapes import Float, Tensor

__all__ = ["MLP"]


class MLP(nn.Sequential):
    """Linear layers with ReLU between them.

    Args:
        c_in: Number of inputs.
        hidden: Width of each hidden layer.
        depth: Number of hidden layers, at least 1.
        c_out: Number of outputs.

    Raises:
        ValueError: If `depth` is below 1.
    """

    def __init__(self, c_in: int, hidden: int, depth: int, c_out: int) -> None:
        if depth < 1:
            raise ValueError(f"depth must be at least 1 hidden layer, not {depth}")
        widths = [c_in, *[hidden] * depth, c_out]
        layers: list[nn.Module] = [nn.Linear(widths[0], widths[1])]
        for i in range(depth):
            layers += [nn.ReLU(), nn.Linear(widths[i + 1], widths[i + 2])]
        super().__init__(*layers)

    @property
    def first(self) -> nn.Linear:
        """The layer that reads the inputs."""
        return cast(nn.Linear, self[0])

    @property
    def last(self) -> nn.Linear:
        """The layer that returns the outputs."""
        return cast(nn.Linear, self[-1])

    def forward(self, x: Float[Tensor, "n c"]) -> Float[Tensor, "n d"]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the outputs for rows of inputs."""
        return _linear(self.last, self.hidden(_linear(self.first, x)))

    def hidden(self, first: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Return the last hidden layer from the first layer's output, which is overwritten."""
        x = torch.relu_(first)
        for layer in list(self)[2:-1:2]:
            x = torch.relu_(_linear(cast(nn.Linear, layer), x))
        return x


def _linear(layer: nn.Linear, x: Tensor) -> Tensor:
    return linear(x, layer.weight, layer.bias)
