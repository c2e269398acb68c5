"""Stochastic depth: in training, pictures leave out a branch of a block now and then.

    branch(x) (b, …) ──0 for some pictures, 1 / (1 − rate) for the others──▶ (b, …)

Source: Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016.
    https://arxiv.org/abs/1603.09382
"""

from torch import nn
from torch.nn import functional as F

from bigpicture.shapes import Float, Tensor

__all__ = ["DropPath"]


class DropPath(nn.Module):
    """Leave whole pictures out of what a branch made.

    Args:
        rate: Share of the pictures that are left out, in training.
    """

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Float[Tensor, "b *n"]) -> Float[Tensor, "b *n"]:
        """Return `x` in evaluation; in training, each picture's weighed by 0 or 1 / (1 − rate)."""
        if not (self.training and self.rate):
            return x
        return x * F.dropout(x.new_ones(len(x), *[1] * (x.ndim - 1)), self.rate)
