"""Blur kernels: the point spread of a lens, of motion, or of an ideal low-pass filter.

    numbers ──▶ (k, k), float64, sums to 1

Positions p = (x, y) are in pixels from the kernel's centre, or from a point `offset` away from it;
x runs along a row, y down a column. The bell-shaped kernels share the covariance

    Σ = R(θ) · diag(σ₁², σ₂²) · R(θ)ᵀ      R(θ) rotates x towards y by the angle θ

whose first axis has the angle θ. Equal σ make a kernel isotropic; with σ near 0 it is the identity.

Source: Zhang et al., "Designing a Practical Degradation Model for Deep Blind Image
    Super-Resolution", ICCV 2021, sec. 3.1 (Gaussian). https://arxiv.org/abs/2103.14006
    Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic
    Data", ICCV Workshops 2021, sec. 3.1 (the others). https://arxiv.org/abs/2107.10833
"""

import math

import torch
from jaxtyping import Float64

from bigpicture.shapes import Tensor

__all__ = ["check_positive", "gaussian", "generalised_gaussian", "plateau", "sinc"]

Kernel = Float64[Tensor, "k k"]
Pair = tuple[int | float, int | float]


def gaussian(
    size: int, sigma: Pair, rotation: int | float = 0.0, offset: int | float = 0.0
) -> Kernel:
    """Return a Gaussian: exp(−½ pᵀ Σ⁻¹ p), normalised.

    Args:
        size: Side k, odd.
        sigma: Standard deviations σ₁ and σ₂ in pixels, positive.
        rotation: Angle θ of the first axis, in radians.
        offset: Distance of the Gaussian's centre from the middle pixel, to the right and down.

    Raises:
        ValueError: If `size` is even or `sigma` is not positive.
    """
    distance = _distance(size, sigma, rotation, offset)
    # With an offset no pixel may lie at the centre: all weights of a narrow Gaussian would be 0.
    return _normalised(torch.exp(-0.5 * (distance - distance.min())))


def generalised_gaussian(
    size: int, sigma: Pair, rotation: int | float, beta: int | float
) -> Kernel:
    """Return a generalised Gaussian: exp(−½ (pᵀ Σ⁻¹ p)^β), normalised.

    Args:
        size: Side k, odd.
        sigma: σ₁ and σ₂ in pixels, positive.
        rotation: Angle θ of the first axis, in radians.
        beta: Shape: 1 is a Gaussian, larger has a flatter top, smaller has longer tails.

    Raises:
        ValueError: If `size` is even, or `sigma` or `beta` is not positive.
    """
    check_positive("beta", beta)
    return _normalised(torch.exp(-0.5 * _distance(size, sigma, rotation) ** beta))


def plateau(size: int, sigma: Pair, rotation: int | float, beta: int | float) -> Kernel:
    """Return a plateau-shaped kernel: 1 / (1 + (pᵀ Σ⁻¹ p)^β), normalised.

    Args:
        size: Side k, odd.
        sigma: σ₁ and σ₂ in pixels, positive.
        rotation: Angle θ of the first axis, in radians.
        beta: Shape, positive: larger has a flatter top and steeper sides.

    Raises:
        ValueError: If `size` is even, or `sigma` or `beta` is not positive.
    """
    check_positive("beta", beta)
    return _normalised(1 / (1 + _distance(size, sigma, rotation) ** beta))


def sinc(size: int, cutoff: int | float) -> Kernel:
    """Return the circular low-pass filter: ω J₁(ω |p|) / (2π |p|), normalised.

    J₁ is the Bessel function of the first kind. Cut to k × k pixels, the filter causes ringing and
    overshoot, which is its purpose.

    Args:
        size: Side k, odd.
        cutoff: ω in radians per pixel; higher frequencies are removed. π keeps all along an axis.

    Raises:
        ValueError: If `size` is even or `cutoff` is not in (0, π].
    """
    if not 0 < cutoff <= math.pi:
        raise ValueError(f"cutoff is {cutoff}; give an angular frequency in (0, π]")
    x, y = _positions(size, 0.0)
    radius = (x.square() + y.square()).sqrt()
    # At the centre J₁(ω r) / r → ω / 2.
    centre = cutoff**2 / (4 * math.pi)
    around = cutoff * torch.special.bessel_j1(cutoff * radius) / (2 * math.pi * radius)
    return _normalised(torch.where(radius == 0, centre, around))


def _positions(size: int, offset: int | float) -> tuple[Tensor, Tensor]:
    """Return x (1, k) and y (k, 1) of each pixel, which broadcast."""
    if size < 1 or size % 2 == 0:
        raise ValueError(f"size is {size}; give an odd side, so that there is a middle pixel")
    along = torch.arange(size, dtype=torch.float64) - size // 2 - offset
    return along[None, :], along[:, None]


def _distance(
    size: int, sigma: Pair, rotation: int | float, offset: int | float = 0.0
) -> Float64[Tensor, "k k"]:
    """Return pᵀ Σ⁻¹ p without inverting Σ, which is diagonal in the rotated coordinates."""
    for each in sigma:
        check_positive("sigma", each)
    x, y = _positions(size, offset)
    cos, sin = math.cos(rotation), math.sin(rotation)
    along, across = (cos * x + sin * y) / sigma[0], (cos * y - sin * x) / sigma[1]
    return along.square() + across.square()


def check_positive(name: str, value: int | float) -> None:
    """Check that a parameter is positive, and that its square is.

    Raises:
        ValueError: If it is not.
    """
    if not 1e-100 < value < math.inf:
        raise ValueError(f"{name} is {value}; give a positive number")


def _normalised(kernel: Tensor) -> Kernel:
    return kernel / kernel.sum()
