"""Local attribution maps: which pixels of a picture a part of its enlargement is made of.

    low (1, c, h, w), network, detector ──▶ Attribution: one number for each pixel (h, w)

The path γ from the blurred picture to the picture itself makes it sharper step by step,

    γ(α) = low convolved with a Gaussian of σ·(1 − α),    α from 0 to 1

and on its way each pixel is given its share of what the detector D sees grow in the result F:

    Σ over n steps and the colours   ∂D(F(γ)) / ∂γ · (γ(α + 1/n) − γ(α)),    ∂ at α + 1/2n

The detector sums the lengths of the gradients within a window of the result, so a pixel's share is
what it contributes to edges and texture there. All shares together are what D grows by, but for the
steps' size: `Attribution.missing` says how much is missing.

Source: Gu and Dong, "Interpreting Super-Resolution Networks with Local Attribution Maps",
    CVPR 2021, eqs. (3)-(7). https://arxiv.org/abs/2011.11036
Changed: gradients are taken in the middle of each step, where the sum is closer to the integral;
    the published code takes them at its end.
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
"""Pictures (b, c, h, w) → larger ones (b, d, H, W), differentiable."""

Detector = Callable[[Tensor], Tensor]
"""Pictures (b, d, H, W) → a number for each (b)."""

_TINY = 1e-12  # added under the root, whose slope is infinite at 0


@dataclass(frozen=True)
class BlurPath:
    """From a blurred picture to a sharp one.

    Args:
        sigma: Of the Gaussian that blurs most, in pixels.
        steps: How many the way is cut into.

    Raises:
        ValueError: If one of them is not above 0.
    """

    sigma: float | int = 1.2
    steps: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.sigma < math.inf:
            raise ValueError(f"sigma must be above 0 pixels, not {self.sigma}")
        if self.steps < 1:
            raise ValueError(f"steps must be 1 or more, not {self.steps}")

    def at(self, low: Float[Tensor, "1 c h w"], alpha: float | int) -> Float[Tensor, "1 c h w"]:
        """Return the picture at a place of the way, from 0 (blurred) to 1 (as it is)."""
        sigma = self.sigma * (1 - alpha)
        if sigma <= 0:
            return low
        size = 2 * max(1, round(4 * self.sigma)) + 1
        return convolve(low[0], gaussian(size, (sigma, sigma)))[None]


@dataclass(frozen=True)
class Attribution:
    """What each pixel contributes to what a detector sees.

    Attributes:
        values: Of each pixel of the picture, in the detector's unit; may be negative.
        sharp: What the detector sees in the enlarged picture.
        blurred: What it sees in the enlarged blurred picture.
        restored: The enlarged picture.
    """

    values: Float[Tensor, "h w"]
    sharp: float
    blurred: float
    restored: Float[Tensor, "1 c H W"]

    @property
    def missing(self) -> float:
        """Return which part of the difference of sharp and blurred the values leave unexplained."""
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
    """Return the attribution of a detector's number to the pixels of a picture.

    A network takes less memory while its parameters want no gradients (`requires_grad_(False)`).

    Args:
        enlarge: The network, which is run on its own batches of pictures.
        low: A picture in [0, 1].
        detector: What is to be explained, such as `detail_within` a window.
        path: The way from blurred to sharp.
        batch: How many steps run at once: more are faster on a GPU, and take as much more memory.
        advance: Called with the number of steps done.

    Raises:
        ValueError: If `batch` is below 1, or the detector sees no gradients.
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
    """Return what pixels contribute on some steps of the way, which run together."""
    n = path.steps
    middle = torch.cat([path.at(low, (k + 0.5) / n) for k in steps]).requires_grad_()
    moved = torch.cat([path.at(low, (k + 1) / n) - path.at(low, k / n) for k in steps])
    with torch.enable_grad():
        seen = detector(enlarge(middle)).sum()
        (slope,) = torch.autograd.grad(seen, middle)
    return (slope * moved).sum((0, 1))


def detail(picture: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c y x"]:
    """Return the length of the gradient at each pixel but those of the last row and column."""
    corner = picture[..., :-1, :-1]
    down, right = picture[..., 1:, :-1] - corner, picture[..., :-1, 1:] - corner
    return (down.square() + right.square() + _TINY).sqrt()


def detail_within(window: Frame) -> Detector:
    """Return the detector that sums the lengths of gradients within a window.

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
