"""NIQE: how far a picture's statistics are from those of pristine photographs.

    (…, c, h, w) ──▶ (…)     0 or more, lower is better; photographs have about 2 to 6

A normal distribution (m, S) is fitted to 36 features of each block of 96 × 96 pixels, 18 at full
and 18 at half size, and compared with that of 125 pristine photographs (m₀, S₀):

    √((m − m₀)ᵀ ((S + S₀) / 2)⁺ (m − m₀))

The pristine distribution is that of the authors' release, which the field's tables use; see
`parameters/README.md`. MATLAB's own `niqe` uses another and gives other values.

Source: Mittal et al., "Making a 'Completely Blind' Image Quality Analyzer", IEEE Signal Processing
    Letters 20(3), 2013. https://doi.org/10.1109/LSP.2012.2227726
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch

from bigpicture.image.resize import resize
from bigpicture.metrics.parameters import load
from bigpicture.metrics.scene_statistics import (
    blocks_of,
    fit_asymmetric,
    gray_levels,
    neighbour_products,
    normalise,
)
from bigpicture.shapes import Float, Tensor

__all__ = ["BLOCK", "Pristine", "check_size", "niqe"]

BLOCK = 96
_SHARP = 0.75  # `fit` keeps blocks that are sharper than this fraction of the sharpest


class Pristine(NamedTuple):
    """The normal distribution of the features of pristine photographs."""

    mean: Float[Tensor, "36"]
    covariance: Float[Tensor, "36 36"]


def check_size(height: int, width: int) -> None:
    """Check that pictures are large enough.

    Raises:
        ValueError: If they have fewer than two whole blocks.
    """
    if (height // BLOCK) * (width // BLOCK) < 2:
        raise ValueError(
            f"image is {width}×{height}; NIQE needs two whole blocks of {BLOCK}×{BLOCK} pixels"
        )


def niqe(
    image: Float[Tensor, "*batch c h w"], pristine: Pristine | None = None
) -> Float[Tensor, "*batch"]:
    """Return the NIQE of each picture: lower is better.

    Args:
        image: Gray or RGB; clipped to [0, 1] and rounded to 8 bits. RGB is converted to gray, as
            the authors do; tables made with BasicSR use the luma instead: to match them, pass
            `luma(image * 255) / 255` (see `bigpicture.metrics.protocol`).
        pristine: The photographs to compare with, see `fit`; the authors' if None.

    Returns:
        One float64 number for each picture, NaN if fewer than two of its blocks have texture.

    Raises:
        ValueError: If a picture has fewer than two whole blocks of 96 × 96 pixels, or is neither
            gray nor RGB.
    """
    if pristine is None:
        tensors = load("niqe")
        pristine = Pristine(tensors["mean"], tensors["covariance"])
    pictures = image.reshape(-1, *image.shape[-3:])
    scores = [_distance(_features(picture)[0], pristine) for picture in pictures]
    return torch.stack(scores).reshape(image.shape[:-3])


def fit(images: Iterable[Float[Tensor, "_ _ _"]]) -> Pristine:
    """Fit the distribution of your own pristine photographs, using their sharp blocks.

    Args:
        images: Gray or RGB in [0, 1], of any sizes with at least two blocks.

    Raises:
        ValueError: If there are no pictures or fewer than 37 sharp blocks, or as in `niqe`.
    """
    kept = []
    for features, sharpness in map(_features, images):
        kept.append(features[sharpness > _SHARP * sharpness.max()])
    if not kept:
        raise ValueError("images is empty; give pristine photographs")
    features = _finite(torch.cat(kept))
    if len(features) <= features.shape[1]:
        raise ValueError(f"images have {len(features)} sharp blocks; give pictures with more")
    return Pristine(features.mean(0), features.T.cov())


def _distance(features: Float[Tensor, "n 36"], pristine: Pristine) -> Float[Tensor, ""]:
    mean, covariance = (each.to(features) for each in pristine)
    usable = _finite(features)
    if len(usable) < 2:
        return features.new_tensor(torch.nan)
    away = features.nanmean(0) - mean
    pooled = torch.linalg.pinv((covariance + usable.T.cov()) / 2)
    return (away @ pooled @ away).sqrt()


def _finite(features: Float[Tensor, "n 36"]) -> Float[Tensor, "m 36"]:
    return features[features.isfinite().all(1)]


def _features(image: Float[Tensor, "c h w"]) -> tuple[Float[Tensor, "n 36"], Float[Tensor, "n"]]:
    """Return the features of each block and its sharpness, the mean deviation at full size."""
    levels = gray_levels(image)
    check_size(*levels.shape)
    rows, columns = (side // BLOCK for side in levels.shape)
    levels = levels[: rows * BLOCK, : columns * BLOCK]
    mscn, deviation = normalise(levels, "edge")
    half, _ = normalise(resize(levels, scale=0.5), "edge")
    features = [_of_blocks(blocks_of(mscn, BLOCK)), _of_blocks(blocks_of(half, BLOCK // 2))]
    return torch.cat(features, 1), blocks_of(deviation, BLOCK).mean((-2, -1))


def _of_blocks(mscn: Float[Tensor, "n s s"]) -> Float[Tensor, "n 18"]:
    """Return shape and width of each block, then four numbers for each product of neighbours."""
    own = fit_asymmetric(mscn)
    features = [own.shape, (own.left + own.right) / 2 * own.spread()]
    for product in neighbour_products(mscn):
        fitted = fit_asymmetric(product)
        left, right = (width * fitted.spread() for width in (fitted.left, fitted.right))
        features += [fitted.shape, (right - left) * fitted.imbalance(), left, right]
    return torch.stack(features, 1)
