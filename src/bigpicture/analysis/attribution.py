"""Local attribution maps: which pixels of a picture contribute to a part of its enlargement.

    low (1, c, h, w), network, detector ──▶ Attribution: one number for each pixel (h, w)

The path γ leads from a blurred picture to the picture itself, sharper at each step:

    γ(α) = low convolved with a Gaussian of σ·(1 − α),    α from 0 to 1

Along the path, the value that the detector D gives to the result F grows; a pixel's share of it is

    Σ over n steps and the colours   ∂D(F(γ)) / ∂γ · (γ(α + 1/n) − γ(α)),    ∂ at α + 1/2n

The detector sums the magnitudes of the gradients within a window of the result, so a pixel's share
is its contribution to edges and texture there. The shares add up to the growth of D, except for the
error of finite steps and for operators without a gradient, such as IKM's threshold:
`Attribution.missing` is the part that they leave unexplained.

Source: Gu and Dong, "Interpreting Super-Resolution Networks with Local Attribution Maps",
    CVPR 2021, eqs. (3)-(7). https://arxiv.org/abs/2011.11036
Changed: gradients are taken in the middle of each step, which brings the sum closer to the
    integral; the published code takes them at its end.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from bigpicture.analysis.panels import Frame
from bigpicture.degrade.blur import convolve
from bigpicture.degrade.kernels import gaussian
from bigpicture.shapes import Float, Tensor

__all__ = ["Attribution", "BlurPath", "Detector", "attribute", "detail", "detail_within"]

Enlarge = Callable[[Tensor], Tensor]
"""Pictures (b, c, h, w) → enlarged ones (b, d, H, W), differentiable."""

Detector = Callable[[Tensor], Tensor]
"""Pictures (b, d, H, W) → one number per picture (b)."""

_TINY = 1e-12  # added under the square root, whose slope is infinite at 0


@dataclass(frozen=True)
class BlurPath:
    """The path from a blurred picture to the sharp one.

    Args:
        sigma: Standard deviation of the strongest blur, in pixels.
        steps: Number of steps along the path.

    Raises:
        ValueError: If either is not above 0.
    """

    sigma: float | int = 1.2
    steps: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.sigma < math.inf:
            raise ValueError(f"sigma must be above 0 pixels, not {self.sigma}")
        if self.steps < 1:
            raise ValueError(f"steps must be 1 or more, not {self.steps}")

    def at(self, low: Float[Tensor, "1 c h w"], alpha: float | int) -> Float[Tensor, "1 c h w"]:
        """Return the picture at a point of the path, from 0 (blurred) to 1 (unchanged)."""
        sigma = self.sigma * (1 - alpha)
        if sigma <= 0:
            return low
        size = 2 * max(1, round(4 * self.sigma)) + 1
        return convolve(low[0], gaussian(size, (sigma, sigma)))[None]


@dataclass(frozen=True)
class Attribution:
    """How much each pixel contributes to a detector's value.

    Attributes:
        values: Contribution of each pixel, in the detector's unit; may be negative.
        sharp: The detector's value for the enlarged picture.
        blurred: The detector's value for the enlargement of the blurred picture.
        restored: The enlarged picture.
    """

    values: Float[Tensor, "h w"]
    sharp: float
    blurred: float
    restored: Float[Tensor, "1 c H W"]

    @property
    def missing(self) -> float:
        """Return the share of the difference between sharp and blurred that remains unexplained."""
        grown = self.sharp - self.blurred
        return abs(grown - float(self.values.sum())) / max(abs(grown), _TINY)


def attribute(
    enlarge: Enlarge,
    low: Float[Tensor, "1 c h w"],
    detector: Detector,
    path: BlurPath | None = None,
    *,
    batch: int = 1,
    advance: Callable[[int], None] | None = None,
) -> Attribution:
    """Return the attribution of a detector's value to the pixels of a picture.

    A network takes less memory if its parameters require no gradients (`requires_grad_(False)`).

    Args:
        enlarge: The network; it runs on batches of pictures from the path.
        low: A picture in [0, 1].
        detector: The value to explain, such as `detail_within` a window.
        path: The path from blurred to sharp; by default, `BlurPath()`.
        batch: Steps that run at once: more are faster on a GPU, but take proportionally more
            memory. The pictures of a batch must not influence each other.
        advance: Called with the number of steps done.

    Raises:
        ValueError: If `batch` is below 1, or the detector's window does not fit the result.
    """
    if batch < 1:
        raise ValueError(f"batch must be 1 or more, not {batch}")
    path = path or BlurPath()
    total = torch.zeros(low.shape[-2:], dtype=torch.float64)
    for start in range(0, path.steps, batch):
        steps = range(start, min(start + batch, path.steps))
        total += _shares(enlarge, low, detector, path, steps).double().cpu()
        if advance is not None:
            advance(steps.stop)
    with torch.no_grad():
        restored = enlarge(low)
        sharp, blurred = (detector(x).item() for x in (restored, enlarge(path.at(low, 0))))
    return Attribution(total, sharp, blurred, restored)


def _shares(
    enlarge: Enlarge, low: Tensor, detector: Detector, path: BlurPath, steps: range
) -> Float[Tensor, "h w"]:
    """Return what pixels contribute during some steps of the path, which run as one batch."""
    n = path.steps
    middle = torch.cat([path.at(low, (k + 0.5) / n) for k in steps]).requires_grad_()
    moved = torch.cat([path.at(low, (k + 1) / n) - path.at(low, k / n) for k in steps])
    with torch.enable_grad():
        seen = detector(enlarge(middle)).sum()
        (slope,) = torch.autograd.grad(seen, middle)
    return (slope * moved).sum((0, 1))


def detail(picture: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c y x"]:
    """Return the gradient's magnitude at each pixel except those of the last row and column."""
    corner = picture[..., :-1, :-1]
    down, right = picture[..., 1:, :-1] - corner, picture[..., :-1, 1:] - corner
    return (down.square() + right.square() + _TINY).sqrt()


def detail_within(window: Frame) -> Detector:
    """Return the detector that sums the gradients' magnitudes within a window.

    The detector raises `ValueError` for a window that is empty or exceeds the result.

    Args:
        window: Rows and columns of the enlarged picture.
    """
    rows, columns = window

    def detector(restored: Float[Tensor, "b c H W"]) -> Float[Tensor, " b"]:
        height, width = restored.shape[-2:]
        if not (0 <= rows.start < rows.stop < height and 0 <= columns.start < columns.stop < width):
            raise ValueError(
                f"window {_said(window)} must have pixels and lie within the first {width - 1} "
                f"columns and {height - 1} rows of the result, which has {width} × {height} pixels"
            )
        inside = restored[..., rows.start : rows.stop + 1, columns.start : columns.stop + 1]
        return detail(inside).sum((1, 2, 3))

    return detector


def _said(window: Frame) -> str:
    rows, columns = window
    return f"of columns {columns.start}…{columns.stop} and rows {rows.start}…{rows.stop}"
