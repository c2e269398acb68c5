"""How far attribution spreads: over how many pixels, and how far from a window.

    attribution (h, w) ──▶ Gini's index G, diffusion index (1 − G) · 100, shares by distance

All of it is about the attribution's magnitude. G is 0 where all pixels have the same and nearly 1
where one has everything, so the diffusion index (DI) is 100 where a network uses the whole picture
alike. A pixel's distance from the window is that of rows or of columns, whichever is more: what a
convolution of side 2·d + 1 reaches lies within d.

Source: Gu and Dong, "Interpreting Super-Resolution Networks with Local Attribution Maps",
    CVPR 2021, eqs. (8) and (9). https://arxiv.org/abs/2011.11036
"""

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
    """Return Gini's index of the values' magnitudes: 0 for equal ones, below 1.

    Σᵢ Σⱼ |gᵢ − gⱼ| / (2 n² mean(g))

    Raises:
        ValueError: If all are 0.

    >>> gini(torch.tensor([1.0, 1.0])), gini(torch.tensor([0.0, -2.0]))
    (0.0, 0.5)
    """
    ordered = values.detach().abs().double().flatten().sort().values
    total, n = ordered.sum().item(), len(ordered)
    if not total > 0:
        raise ValueError("the attribution is 0 everywhere, so nothing can be said of its spread")
    # of ordered values, the sum over pairs is one over ranks
    ranks = torch.arange(1, n + 1, dtype=torch.float64, device=ordered.device)
    return 2 * (ranks @ ordered).item() / (n * total) - (n + 1) / n


def diffusion_index(attribution: Float[Tensor, "h w"]) -> float:
    """Return the DI, from 0 (a single pixel) to 100 (all alike).

    Raises:
        ValueError: If the attribution is 0 everywhere.
    """
    return 100 * (1 - gini(attribution))


def shares_by_distance(attribution: Float[Tensor, "h w"], window: Frame) -> Float[Tensor, " d"]:
    """Return the share of the attribution at distance 0, 1, … from a window of its pixels.

    Raises:
        ValueError: If the attribution is 0 everywhere.
    """
    amount = attribution.detach().abs().double()
    if not amount.sum() > 0:
        raise ValueError("the attribution is 0 everywhere, so nothing can be said of its spread")
    down, right = (
        _distance(length, side, amount.device)
        for length, side in zip(amount.shape, window, strict=True)
    )
    distance = torch.maximum(down[:, None], right)
    shares = torch.zeros(int(distance.max()) + 1, dtype=torch.float64, device=amount.device)
    shares.index_add_(0, distance.flatten(), amount.flatten())
    return shares / amount.sum()


def share_beyond(shares: Float[Tensor, " d"], distance: int) -> float:
    """Return the share farther away than a distance, of what `shares_by_distance` gives."""
    return shares[distance + 1 :].sum().item()


def distance_holding(shares: Float[Tensor, " d"], share: float) -> int:
    """Return the least distance within which so much of the attribution lies.

    >>> distance_holding(torch.tensor([0.5, 0.3, 0.2]), 0.75)
    1
    """
    return int((shares.cumsum(0) < share - 1e-9).sum())


def _distance(length: int, side: slice, device: torch.device) -> Tensor:
    """Return how far each of the positions along an axis is from a part of it."""
    position = torch.arange(length, device=device)
    return torch.maximum(side.start - position, position - (side.stop - 1)).clamp(min=0)
