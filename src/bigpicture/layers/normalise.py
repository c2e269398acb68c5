"""Normalisation of pictures for a network, (x − mean) / std per colour, and its inverse."""

from collections.abc import Sequence

import torch
from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["DIV2K_MEAN", "Normalise"]

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean R, G, B of DIV2K's 800 training pictures, which most networks in the field subtract."""


class Normalise(nn.Module):
    """Subtracts the mean of each colour and divides by its standard deviation.

    Args:
        mean: Value per colour, in [0, 1].
        std: Value per colour, above 0.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        # the settings hold these constants, so they stay out of the state dict
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return pictures in [0, 1], normalised."""
        return (x - self.mean) / self.std

    def undo(self, x: Float[Tensor, "b c H W"]) -> Float[Tensor, "b c H W"]:
        """Return a network's output as pictures, mostly in [0, 1]."""
        return x * self.std + self.mean
