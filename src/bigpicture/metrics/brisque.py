"""BRISQUE: a prediction of how people rate a picture, learnt from their ratings of others.

    (…, c, h, w) ──▶ (…)     about 0 to 100, lower is better

36 features, 18 at full and 18 at half size, are scaled to [−1, 1] by the ranges of the training
set, and a support vector regression turns them into the score:

    Σᵢ aᵢ · exp(−γ |x − vᵢ|²) − b     γ = 0.05

The 774 vectors v come from the authors' release, trained on the whole LIVE database; see
`parameters/README.md`. Scores may lie outside 0 to 100. MATLAB's own `brisque` was retrained and
gives other values.

Source: Mittal et al., "No-Reference Image Quality Assessment in the Spatial Domain", IEEE Trans.
    Image Processing 21(12), 2012. https://doi.org/10.1109/TIP.2012.2214050
"""

import torch

from bigpicture.image.resize import resize
from bigpicture.metrics.parameters import load
from bigpicture.metrics.scene_statistics import (
    fit_asymmetric,
    fit_symmetric,
    gray_levels,
    neighbour_products,
    normalise,
)
from bigpicture.shapes import Float, Tensor

__all__ = ["brisque", "check_size"]

_GAMMA = 0.05
_SMALLEST = 16


def check_size(height: int, width: int) -> None:
    """Check that pictures are large enough.

    Raises:
        ValueError: If a side is shorter than 16 pixels.
    """
    if min(height, width) < _SMALLEST:
        raise ValueError(f"image is {width}×{height}; BRISQUE needs {_SMALLEST} pixels a side")


def brisque(image: Float[Tensor, "*batch c h w"]) -> Float[Tensor, "*batch"]:
    """Return the BRISQUE of each picture: lower is better.

    Args:
        image: Gray or RGB; clipped to [0, 1] and rounded to 8 bits.

    Returns:
        One float64 number for each picture, NaN for a picture without texture.

    Raises:
        ValueError: If a side is shorter than 16 pixels, or the picture is neither gray nor RGB.
    """
    pictures = image.reshape(-1, *image.shape[-3:])
    scores = [_regression(_features(picture)) for picture in pictures]
    return torch.stack(scores).reshape(image.shape[:-3])


def _regression(features: Float[Tensor, "36"]) -> Float[Tensor, ""]:
    model = {name: tensor.to(features) for name, tensor in load("brisque").items()}
    scaled = 2 * (features - model["least"]) / (model["most"] - model["least"]) - 1
    nearness = torch.exp(-_GAMMA * (scaled - model["vectors"]).square().sum(1))
    return model["coefficients"] @ nearness - model["intercept"]


def _features(image: Float[Tensor, "c h w"]) -> Float[Tensor, "36"]:
    levels = gray_levels(image)
    check_size(*levels.shape)
    return torch.cat([_of_size(levels), _of_size(resize(levels, scale=0.5))])


def _of_size(levels: Float[Tensor, "h w"]) -> Float[Tensor, "18"]:
    """Return shape and variance, then four numbers for each product of neighbours."""
    mscn, _ = normalise(levels, "zeros")
    features = list(fit_symmetric(mscn))
    for product in neighbour_products(mscn):
        fitted = fit_asymmetric(product)
        mean = (fitted.right - fitted.left) * fitted.imbalance() * fitted.spread()
        features += [fitted.shape, mean, fitted.left.square(), fitted.right.square()]
    return torch.stack(features)
