"""How far attribution spreads: over how many pixels, and how far from a window.

    attribution (h, w) ──▶ Gini's index G, diffusion index (1 − G) · 100, shares by distance

All functions use the attribution's magnitude. G is 0 if all pixels have the same and nearly 1 if
one pixel has everything, so the diffusion index (DI) is 100 if a network uses the whole picture
equally. A pixel's distance from the window is that of rows or of columns, whichever is larger: a
convolution of side 2·d + 1 reaches pixels up to distance d.

Source: Gu and Dong, "Interpreting Super-Resolution Networks with Local Attribution Maps",
    CVPR 2021, eqs. (8) and (9). https://arxiv.org/abs/2011.11036
"""

import math

import torch

from bigpicture.analysis.panels import Frame
from bigpicture.shapes import Float, Tensor

__all__ = [
    "diffusion_index",
    "distance_holding",
    "gini",
    "share_beyond",
    "shares_by_distance",
]


def gini(values: Float[Tensor, "*n"]) -> float:
    """Return the Gini index of the values' magnitudes, from 0 for equal ones to below 1.

    Σᵢ Σⱼ |gᵢ − gⱼ| / (2 n² mean(g))

    Raises:
        ValueError: If all values are 0, or one is NaN or infinite.

    >>> gini(torch.tensor([1.0, 1.0])), gini(torch.tensor([0.0, -2.0]))
    (0.0, 0.5)
    """
    ordered = values.detach().abs().double().flatten().sort().values
    total, n = _total(ordered), len(ordered)
    # for ordered values, the sum over pairs becomes a sum over ranks
    ranks = torch.arange(1, n + 1, dtype=torch.float64, device=ordered.device)
    return 2 * (ranks @ ordered).item() / (n * total) - (n + 1) / n


def diffusion_index(attribution: Float[Tensor, "h w"]) -> float:
    """Return the DI, from 100/n (one of n pixels has everything) to 100 (all have the same).

    Raises:
        ValueError: If the attribution is 0 everywhere, or NaN or infinite.
    """
    return 100 * (1 - gini(attribution))


def shares_by_distance(attribution: Float[Tensor, "h w"], window: Frame) -> Float[Tensor, " d"]:
    """Return the share of the attribution at distance 0, 1, … from a window.

    Raises:
        ValueError: If the attribution is 0 everywhere, or NaN or infinite.
    """
    amount = attribution.detach().abs().double()
    total = _total(amount)
    down, right = (
        _distance(length, side, amount.device)
        for length, side in zip(amount.shape, window, strict=True)
    )
    distance = torch.maximum(down[:, None], right)
    shares = torch.zeros(int(distance.max()) + 1, dtype=torch.float64, device=amount.device)
    shares.index_add_(0, distance.flatten(), amount.flatten())
    return shares / total


def share_beyond(shares: Float[Tensor, " d"], distance: int) -> float:
    """Return the total share beyond a distance, given the result of `shares_by_distance`."""
    return shares[distance + 1 :].sum().item()


def distance_holding(shares: Float[Tensor, " d"], share: float) -> int:
    """Return the smallest distance within which at least `share` of the attribution lies.

    >>> distance_holding(torch.tensor([0.5, 0.3, 0.2]), 0.75)
    1
    """
    return int((shares.cumsum(0) < share - 1e-9).sum())


def _total(amount: Float[Tensor, "*n"]) -> float:
    """Return the sum of magnitudes; refuse one that has no shares."""
    total = amount.sum().item()
    if not 0 < total < math.inf:
        raise ValueError(
            "the attribution is 0 everywhere, or NaN or infinite, so its spread is undefined"
        )
    return total


def _distance(length: int, side: slice, device: torch.device) -> Tensor:
    """Return how far each position along an axis is from a part of the axis."""
    position = torch.arange(length, device=device)
    return torch.maximum(side.start - position, position - (side.stop - 1)).clamp(min=0)
