"""Attribution maps of one or several networks, as a figure and its numbers.

part of a picture, {network: Attributed} ──▶ panels, caption, numbers
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bigpicture.analysis.attribution import Attribution, BlurPath, attribute, detail_within
from bigpicture.analysis.operators import each_alone
from bigpicture.analysis.panels import Frame, Lines, Overlay, Panel, Shown
from bigpicture.analysis.spread import (
    diffusion_index,
    distance_holding,
    share_beyond,
    shares_by_distance,
)
from bigpicture.analysis.windows import over, under
from bigpicture.infer.model import Model
from bigpicture.shapes import Float, Tensor

__all__ = ["Attributed", "attributed", "show_attributions"]

_HELD = (50, 90, 99)  # per cent
_LEAST = 1e-6  # smaller shares are lost in float32's rounding


@dataclass(frozen=True)
class Attributed:
    """The attribution of one network's result.

    Attributes:
        found: The contribution of each pixel.
        scale: Enlargement of each side.
        window: The part of the enlarged picture that the pixels contribute to.
        under: The pixels of the picture that the window lies on, see `bigpicture.analysis.windows`.
        reach: How many pixels away the network sees, not counting its contexts.
    """

    found: Attribution
    scale: float | int
    window: Frame
    under: Frame
    reach: int

    def numbers(self) -> dict[str, Any]:
        """Return the numbers for the JSON file, by name.

        Raises:
            ValueError: If the attribution is 0 everywhere.
        """
        values, shares = self.found.values, self._shares()
        height, width = values.shape
        return {
            "diffusion_index": diffusion_index(values),
            "share_beyond_window": share_beyond(shares, 0),
            "reach": self.reach,
            "share_beyond_reach": share_beyond(shares, self.reach),
            "distance_holding": {
                f"{held} %": distance_holding(shares, held / 100) for held in _HELD
            },
            "detail": self.found.sharp,
            "detail_blurred": self.found.blurred,
            "missing": self.found.missing,
            "scale": self.scale,
            "window": _corners(self.window),
            "under": _corners(self.under),
            "size": [width, height],
            "shares_by_distance": [_short(share) for share in shares.tolist()],
            "attribution": [[_short(value) for value in row] for row in values.tolist()],
        }

    def beyond(self) -> Sequence[float]:
        """Return the share of the attribution beyond 0, 1, … pixels from the window."""
        shares = self._shares()
        return [share_beyond(shares, distance) for distance in range(len(shares))]

    def _shares(self) -> Tensor:
        return shares_by_distance(self.found.values, self.under)


def attributed(
    model: Model,
    low: Float[Tensor, "1 c h w"],
    pixel: tuple[int, int],
    window: int,
    path: BlurPath,
    *,
    scale: float | int | None = None,
    batch: int = 1,
    advance: Callable[[int], None] | None = None,
) -> Attributed:
    """Return which pixels contribute to the window that a model renders over a pixel.

    Args:
        model: To save memory, its parameters are set to require no gradients, permanently.
        low: The picture, or the part of it to analyse, in [0, 1].
        pixel: Row and column, in `low`, of the pixel that the window lies on.
        window: Side of the window, in pixels of the enlarged picture.
        path: How the picture is sharpened.
        scale: Enlargement, for a model that renders any; by default, the model's own.
        batch: See `bigpicture.analysis.attribution.attribute`.
        advance: ″

    Raises:
        ValueError: If the model does not render that scale.
    """
    model.network.requires_grad_(False)
    ratio = model.scale if scale is None else scale
    height, width = low.shape[-2:]
    size = round(height * ratio), round(width * ratio)
    place = over(pixel, ratio, window, size)
    alone = Model(each_alone(model.network), model.limits)
    found = attribute(
        lambda pictures: alone(pictures, size),
        low.to(model.device),
        detail_within(place),
        path,
        batch=batch,
        advance=advance,
    )
    below = under(place, size, (height, width))
    return Attributed(found, ratio, place, below, model.limits.reach)


def show_attributions(
    low: Float[Tensor, "1 c h w"],
    networks: Mapping[str, Attributed],
    path: BlurPath,
    at: tuple[int, int],
    crop: Frame,
) -> tuple[list[Panel], str, dict[str, Any]]:
    """Return the panels, the caption and the numbers of a figure of attributions.

    Args:
        low: The part of the picture that was analysed.
        networks: The attribution of each network, by its name.
        path: How the picture was sharpened.
        at: Row and column, in the whole picture, of the pixel that the window lies on.
        crop: Rows and columns of the whole picture that `low` consists of.

    Raises:
        ValueError: If an attribution is 0 everywhere.
    """
    numbers = {name: each.numbers() for name, each in networks.items()}
    first = next(iter(networks.values()))
    panels: list[Panel] = [Shown("Picture and window", low[0].cpu(), first.under)]
    for name, each in networks.items():
        magnitude = each.found.values.abs()
        title = f"{name}: diffusion index {numbers[name]['diffusion_index']:.1f}"
        # the square root, so that small values far from the window remain visible
        shown = (magnitude / magnitude.max()).sqrt()
        panels.append(Overlay(title, low[0].cpu(), shown, "√ of the attribution", each.under))
    curves = {name: each.beyond() for name, each in networks.items()}
    panels.append(
        Lines(
            "Attribution beyond a distance",
            curves,
            "pixels from the window",
            "share of the attribution beyond",
            lowest=_LEAST,
        )
    )
    said = " ".join(_said(name, numbers[name]) for name in networks)
    left = max(each.found.missing for each in networks.values())
    caption = (
        "Local attribution maps: how much each pixel of the picture contributes to the detail that "
        f"a network renders within the framed window, at column {at[1]}, row {at[0]}. {said} "
        f"Integrated from a blur of σ {path.sigma} pixels in {path.steps} steps, which leaves "
        f"{_per_cent(left)} unexplained."
    )
    return (
        panels,
        caption,
        {
            "at": [at[1], at[0]],
            "crop": _corners(crop),
            "sigma": path.sigma,
            "steps": path.steps,
            "networks": numbers,
        },
    )


def _said(name: str, numbers: Mapping[str, Any]) -> str:
    held = numbers["distance_holding"]
    return (
        f"{name} (×{numbers['scale']:g}): diffusion index {numbers['diffusion_index']:.1f}; "
        f"{_per_cent(numbers['share_beyond_window'])} comes from beyond the window; 50, 90 and "
        f"99 % lie within {held['50 %']}, {held['90 %']} and {held['99 %']} pixels of it. The "
        f"layers reach {numbers['reach']} pixels; {_per_cent(numbers['share_beyond_reach'])} comes "
        "from farther away."
    )


def _corners(frame: Frame) -> dict[str, int]:
    rows, columns = frame
    return {
        "left": columns.start,
        "top": rows.start,
        "width": columns.stop - columns.start,
        "height": rows.stop - rows.start,
    }


def _per_cent(share: float) -> str:
    """Return a share in per cent, of three digits.

    >>> [_per_cent(share) for share in (0.0, 1e-8, 1.234e-5, 0.05678, 0.9996, 1.5)]
    ['0 %', '< 0.0001 %', '0.00123 %', '5.68 %', '100 %', '150 %']
    """
    return "< 0.0001 %" if 0 < share < _LEAST else f"{100 * share:.3g} %"


def _short(value: float) -> float:
    """Return a number rounded to four digits; the integration is less precise than that."""
    return float(f"{value:.4g}")
