"""Restoring in an enlarged picture the low frequencies of the original (back-projection).

    x ← x + enlarge(low − shrink(x)), clamped to its range      (repeated)

A network may lighten, darken or tint what it draws; shrunk again, its result should equal its
input. The correction is smooth, so that the details that the network has drawn remain.

Source: Irani and Peleg, "Improving Resolution by Image Registration", 1991; Timofte et al., "Seven
    Ways to Improve Example-Based Single Image Super Resolution", CVPR 2016, section 3.5.
    https://arxiv.org/abs/1511.02228
"""

import torch

from bigpicture.image.resize import resize
from bigpicture.shapes import Float, Tensor

__all__ = ["greatest", "match_low"]

_REPEATS = 3


def match_low(
    high: Float[Tensor, "b c H W"],
    low: Float[Tensor, "b c h w"],
    bounds: tuple[float, float] | tuple[Tensor, Tensor] = (0.0, 1.0),
) -> tuple[Float[Tensor, "b c H W"], dict[str, float]]:
    """Return `high` with the low frequencies of `low`, and the drift before and after.

    Args:
        high: An enlargement of `low`. If either side is smaller than that of `low`, `high` is only
            clamped to its range, and no drift is returned.
        low: The picture that was enlarged.
        bounds: Least and greatest value of the result, overall or for each picture.
    """
    least, greatest = (torch.as_tensor(bound).to(high) for bound in bounds)
    high = high.clamp(least, greatest)
    if high.shape[-2] < low.shape[-2] or high.shape[-1] < low.shape[-1]:
        return high, {}
    size, fine = (low.shape[-2], low.shape[-1]), (high.shape[-2], high.shape[-1])
    drift = low - resize(high, size=size)
    found = {"mean_before": drift.abs().mean().item(), "max_before": drift.abs().max().item()}
    for _ in range(_REPEATS):
        # in place, to hold as few arrays of the result's size as possible
        high = resize(drift, size=fine).add_(high).clamp_(least, greatest)
        drift = low - resize(high, size=size)
    found |= {"mean_after": drift.abs().mean().item(), "max_after": drift.abs().max().item()}
    return high, found


def greatest(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """Return the joint drift of two pictures, the greater of each number.

    >>> greatest({"max_after": 0.1}, {"max_after": 0.2, "max_before": 0.3})
    {'max_after': 0.2, 'max_before': 0.3}
    """
    return {
        name: max(drift[name] for drift in (one, other) if name in drift) for name in one | other
    }
