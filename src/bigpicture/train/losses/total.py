"""Several losses as one: a weighted sum that also reports each part.

(restored, reference) ──▶ Σ weight · loss, and each loss by name, for the log
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["Term", "Total"]


class Term(NamedTuple):
    """A loss and its weight."""

    weight: float
    loss: nn.Module


class Total(nn.Module):
    """A weighted sum of losses.

    Args:
        terms: The losses and their weights, by name.

    Raises:
        ValueError: If there are none, or one has a negative weight.

    >>> from bigpicture.train.losses.pixel import L1
    >>> white, black = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    >>> Total({"l1": Term(2.0, L1())})(white, black)
    (tensor(2.), {'l1': tensor(1.)})
    """

    def __init__(self, terms: Mapping[str, Term]) -> None:
        super().__init__()
        if not terms:
            raise ValueError("terms is empty; give at least one loss")
        for name, term in terms.items():
            if not term.weight >= 0:
                raise ValueError(f"the weight of {name} is {term.weight}; give 0 or more")
        self.weights = {name: term.weight for name, term in terms.items()}
        self.losses = nn.ModuleDict({name: term.loss for name, term in terms.items()})

    def forward(
        self, restored: Float[Tensor, "b c H W"], reference: Float[Tensor, "b c H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Return the sum, and each loss by name, unweighted and detached."""
        parts = {name: loss(restored, reference) for name, loss in self.losses.items()}
        total = torch.stack([self.weights[name] * part for name, part in parts.items()]).sum()
        return total, {name: part.detach() for name, part in parts.items()}
