"""Statistics of natural scenes, on which the metrics without a reference are based.

    picture (c, h, w) ──gray levels──▶ (h, w) ──local mean and deviation──▶ MSCN (h, w)
    MSCN ──products of neighbours──▶ 4 × (h, w) ──fit──▶ shape and widths

In natural pictures, the mean-subtracted contrast-normalised (MSCN) levels

    (I − μ) / (σ + 1)     μ, σ under a 7 × 7 Gaussian of σ 7/6

are nearly normal, and products of neighbours have a typical asymmetric distribution; blur, noise
and compression change both. The distributions are fitted by matching moments: the shape is the
value of the grid 0.2, 0.201, …, 10 with the nearest ratio of moments. Where a picture is perfectly
flat, its MSCN levels are rounding errors, whose signs differ between programs; scores then differ
slightly.

Source: Mittal et al., "No-Reference Image Quality Assessment in the Spatial Domain", IEEE Trans.
    Image Processing 21(12), 2012. https://doi.org/10.1109/TIP.2012.2214050
    Lasmar et al., "Multiscale Skewed Heavy Tailed Model for Texture Analysis", ICIP 2009 (the
    asymmetric fit). https://doi.org/10.1109/ICIP.2009.5414404
"""

from functools import cache
from typing import Literal, NamedTuple

import torch
from torch.nn import functional as F

from bigpicture.shapes import Float, Tensor

__all__ = [
    "Asymmetric",
    "Beyond",
    "blocks_of",
    "fit_asymmetric",
    "fit_symmetric",
    "gray_levels",
    "neighbour_products",
    "normalise",
]

Beyond = Literal["zeros", "edge"]
_WINDOW, _SIGMA = 7, 7 / 6
_GRAY = (0.298936021293776, 0.587043074451121, 0.114020904255103)  # MATLAB's rgb2gray
# (rows, columns) by which the picture is shifted before it is multiplied with itself.
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (-1, 1))


class Asymmetric(NamedTuple):
    """Asymmetric generalised Gaussians, one for each set of samples.

    Attributes:
        shape: α, 2 for a normal distribution, less for longer tails.
        left: Root mean square of the samples below 0.
        right: Root mean square of the samples above 0.
    """

    shape: Float[Tensor, "*n"]
    left: Float[Tensor, "*n"]
    right: Float[Tensor, "*n"]

    def spread(self) -> Float[Tensor, "*n"]:
        """Return √(Γ(1/α) / Γ(3/α)), which turns deviations into the scale β of the density."""
        return torch.exp((torch.lgamma(1 / self.shape) - torch.lgamma(3 / self.shape)) / 2)

    def imbalance(self) -> Float[Tensor, "*n"]:
        """Return Γ(2/α) / Γ(1/α), which turns the difference of the two β into the mean."""
        return torch.exp(torch.lgamma(2 / self.shape) - torch.lgamma(1 / self.shape))


def gray_levels(image: Float[Tensor, "c h w"]) -> Float[Tensor, "h w"]:
    """Return the 8-bit gray levels of a picture in [0, 1], in float64.

    RGB is rounded to 8 bits, weighted as in MATLAB's `rgb2gray`, and rounded again.

    Raises:
        ValueError: If the picture is neither gray nor RGB.
    """
    if len(image) not in (1, 3):
        raise ValueError(f"image has {len(image)} channels; give a gray or an RGB picture")
    image = image.detach().cpu() if image.device.type == "mps" else image.detach()
    levels = (image.double().clamp(0, 1) * 255).round()
    if len(levels) == 1:
        return levels[0]
    weights = torch.tensor(_GRAY, dtype=levels.dtype, device=levels.device)
    return torch.tensordot(weights, levels, 1).round()


def normalise(
    levels: Float[Tensor, "h w"], beyond: Beyond
) -> tuple[Float[Tensor, "h w"], Float[Tensor, "h w"]]:
    """Return the MSCN levels and the local deviation σ.

    Args:
        levels: Gray levels in [0, 255].
        beyond: Padding beyond the border: zeros, or the repeated edge.
    """
    mean = _local_mean(levels, beyond)
    deviation = (_local_mean(levels.square(), beyond) - mean.square()).abs().sqrt()
    return (levels - mean) / (deviation + 1), deviation


def neighbour_products(mscn: Float[Tensor, "*n h w"]) -> list[Float[Tensor, "*n h w"]]:
    """Multiply each level by its neighbour left, above, and on both diagonals, wrapping around."""
    return [mscn * mscn.roll(shift, dims=(-2, -1)) for shift in _NEIGHBOURS]


def blocks_of(x: Float[Tensor, "h w"], side: int) -> Float[Tensor, "n s s"]:
    """Return the blocks of `side` × `side` in the picture, row by row, without a remainder."""
    rows, columns = x.shape[0] // side, x.shape[1] // side
    cells = x[: rows * side, : columns * side].view(rows, side, columns, side)
    return cells.transpose(1, 2).flatten(0, 1)


def fit_symmetric(x: Float[Tensor, "*n h w"]) -> tuple[Float[Tensor, "*n"], Float[Tensor, "*n"]]:
    """Fit a generalised Gaussian to each set of samples; return its shape and variance."""
    shapes, ratio = _moments()
    variance = x.square().mean((-2, -1))
    found = variance / x.abs().mean((-2, -1)).square()
    return _nearest(shapes, 1 / ratio, found), variance


def fit_asymmetric(x: Float[Tensor, "*n h w"]) -> Asymmetric:
    """Fit an asymmetric generalised Gaussian to each set of samples.

    Where no sample is below 0, or none above, the shape and the width of that side are NaN.
    """
    shapes, ratio = _moments()
    left, right = (_root_mean_square(x, side) for side in (x < 0, x > 0))
    found = x.abs().mean((-2, -1)).square() / x.square().mean((-2, -1))
    balance = left / right
    found = found * (balance**3 + 1) * (balance + 1) / (balance**2 + 1).square()
    return Asymmetric(_nearest(shapes, ratio, found), left, right)


def _local_mean(x: Float[Tensor, "h w"], beyond: Beyond) -> Float[Tensor, "h w"]:
    distance = torch.arange(_WINDOW, dtype=x.dtype, device=x.device) - _WINDOW // 2
    weight = torch.exp(-(distance**2) / (2 * _SIGMA**2))
    weight = weight / weight.sum()
    reach = [_WINDOW // 2] * 4
    padded = F.pad(x[None, None], reach, mode="replicate" if beyond == "edge" else "constant")
    rows = F.conv2d(padded, weight.view(1, 1, -1, 1))
    return F.conv2d(rows, weight.view(1, 1, 1, -1))[0, 0]


def _root_mean_square(x: Float[Tensor, "*n h w"], where: Tensor) -> Float[Tensor, "*n"]:
    total = torch.where(where, x.square(), 0).sum((-2, -1))
    return (total / where.sum((-2, -1))).sqrt()


@cache
def _moments() -> tuple[Tensor, Tensor]:
    """Return the grid of shapes α and, for each, Γ(2/α)² / (Γ(1/α) Γ(3/α))."""
    shapes = torch.arange(200, 10001, dtype=torch.float64) / 1000
    log = 2 * torch.lgamma(2 / shapes) - torch.lgamma(1 / shapes) - torch.lgamma(3 / shapes)
    return shapes, log.exp()


def _nearest(shapes: Tensor, ratio: Tensor, found: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    shapes, ratio = shapes.to(found.device), ratio.to(found.device)
    place = (ratio - found.unsqueeze(-1)).abs().argmin(-1)
    return torch.where(found.isfinite(), shapes[place], torch.nan)
