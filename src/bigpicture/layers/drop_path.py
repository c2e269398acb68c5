"""Stochastic depth: in training, pictures leave out a branch of a block now and then.

    branch(x) (b, …) ──0 for some pictures, 1 / (1 − rate) for the others──▶ (b, …)

Source: Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016.
    https://arxiv.org/abs/1603.09382
"""

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import nn
from torch.nn import functional as F

from bigpicture.shapes import Float, Tensor

__all__ = ["DropPath", "DropRate", "drop_rates"]

DropRate = Annotated[float, Field(ge=0, lt=1)]
"""Share of the pictures that leave out a branch, in settings."""


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


def drop_rates(depths: Sequence[int], last: float) -> list[list[float]]:
    """Return each group's blocks' rates, which grow evenly from 0 to that of the last block.

    >>> drop_rates((2, 1), 0.5)
    [[0.0, 0.25], [0.5]]
    """
    rates = torch.linspace(0, last, sum(depths), device="cpu")
    return [group.tolist() for group in rates.split(list(depths))]
