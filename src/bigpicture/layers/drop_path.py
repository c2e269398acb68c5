"""Stochastic depth: in training, pictures randomly skip a branch of a block.

    branch(x) (b, …) ──times 0 for some pictures, 1 / (1 − rate) for the others──▶ (b, …)

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
"""Type of a setting: the probability with which a picture skips a branch."""


class DropPath(nn.Module):
    """Zeroes a branch's result for randomly chosen pictures of a batch.

    Args:
        rate: Probability with which a picture is zeroed in training.
    """

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Float[Tensor, "b *n"]) -> Float[Tensor, "b *n"]:
        """Return `x`; in training, with each picture multiplied by 0 or 1 / (1 − rate)."""
        if not (self.training and self.rate):
            return x
        return x * F.dropout(x.new_ones(len(x), *[1] * (x.ndim - 1)), self.rate)


def drop_rates(depths: Sequence[int], last: float) -> list[list[float]]:
    """Return the rates of each group's blocks, which grow linearly from 0 to `last`.

    >>> drop_rates((2, 1), 0.5)
    [[0.0, 0.25], [0.5]]
    """
    rates = torch.linspace(0, last, sum(depths), device="cpu")
    return [group.tolist() for group in rates.split(list(depths))]
