"""What a figure is made of: panels, plain values that draw themselves on matplotlib's axes.

    Shown     a picture, with a frame around a part of it
    Overlay   weights on any grid, laid over a picture
    HeatMap   a matrix with its colour bar
    Lines     curves
    Bars      a bar for each name
    Points    places in a plane

`bigpicture.analysis.figure.save_figure` puts them on a page. Whoever needs another kind writes a
class with `title`, `aspect` and `draw`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Shaped

from bigpicture.shapes import Float, Tensor

__all__ = ["Bars", "Frame", "HeatMap", "Lines", "Overlay", "Panel", "Points", "Shown"]

Axes = Any
"""`matplotlib.axes.Axes`; the package is imported only when a figure is drawn."""

Frame = tuple[slice, slice]
"""Rows and columns of a picture, around which a frame is drawn."""

_CHART = 0.75
_LETTERS = 40  # of names that stand side by side
_NUMBERED = 30  # points; more numbers would cover one another


@runtime_checkable
class Panel(Protocol):
    """A part of a figure."""

    @property
    def title(self) -> str:
        """What is written above it."""
        ...

    @property
    def aspect(self) -> float:
        """Height over width."""
        ...

    def draw(self, axes: Axes) -> None:
        """Draw it on matplotlib's axes."""
        ...


@dataclass(frozen=True)
class Shown:
    """A picture.

    Args:
        title: What is written above it.
        picture: Gray or RGB in [0, 1]; values beyond are clipped.
        frame: A part to draw a frame around.
    """

    title: str
    picture: Float[Tensor, "c h w"]
    frame: Frame | None = None

    @property
    def aspect(self) -> float:
        """Height over width."""
        return _aspect(self.picture)

    def draw(self, axes: Axes) -> None:
        """Draw it on matplotlib's axes."""
        axes.imshow(_pixels(self.picture), interpolation="nearest", cmap="gray", vmin=0, vmax=1)
        _bare(axes, self.frame)


@dataclass(frozen=True)
class Overlay:
    """Weights on any grid, stretched over a picture that is shown in gray.

    Args:
        title: What is written above it.
        picture: Gray or RGB in [0, 1].
        weights: 0 or more; the largest is the brightest.
        label: What the weights are, beside their colour bar.
        frame: A part of the picture to draw a frame around.
    """

    title: str
    picture: Float[Tensor, "c h w"]
    weights: Float[Tensor, "y x"]
    label: str = ""
    frame: Frame | None = None

    @property
    def aspect(self) -> float:
        """Height over width."""
        return _aspect(self.picture)

    def draw(self, axes: Axes) -> None:
        """Draw it on matplotlib's axes."""
        height, width = self.picture.shape[-2:]
        gray = _pixels(self.picture.mean(0, keepdim=True))
        axes.imshow(gray, interpolation="nearest", cmap="gray", vmin=0, vmax=1)
        weights = self.weights.detach().float().cpu().numpy()
        top = float(weights.max()) or 1.0
        drawn = axes.imshow(
            weights,
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            interpolation="nearest",
            cmap="inferno",
            vmin=0,
            vmax=top,
            # where there is little weight, the picture shows through
            alpha=0.25 + 0.65 * np.clip(weights / top, 0, 1) ** 0.5,
        )
        _colour_bar(axes, drawn, self.label)
        _bare(axes, self.frame)


@dataclass(frozen=True)
class HeatMap:
    """A matrix with its colour bar.

    Args:
        title: What is written above it.
        values: Row 0 is the uppermost.
        limits: Values of the colours at both ends; those of the matrix if None.
        label: What the values are, beside the colour bar.
        rows: What the rows are.
        columns: What the columns are.
    """

    title: str
    values: Float[Tensor, "y x"]
    limits: tuple[float, float] | None = None
    label: str = ""
    rows: str = ""
    columns: str = ""

    @property
    def aspect(self) -> float:
        """Height over width."""
        return _aspect(self.values)

    def draw(self, axes: Axes) -> None:
        """Draw it on matplotlib's axes."""
        low, high = self.limits or (None, None)
        values = self.values.detach().float().cpu().numpy()
        drawn = axes.imshow(values, interpolation="nearest", cmap="viridis", vmin=low, vmax=high)
        _colour_bar(axes, drawn, self.label)
        axes.set(xlabel=self.columns, ylabel=self.rows)
        axes.locator_params(integer=True)


@dataclass(frozen=True)
class Lines:
    """Curves, each with the name that the legend gives it.

    Args:
        title: What is written above it.
        curves: Heights by name.
        across: What lies on the horizontal axis.
        up: What the heights are.
        places: Where the heights lie on the horizontal axis; 0, 1, … if None.
        lowest: If given, the vertical axis is logarithmic and begins here, above 0.
    """

    title: str
    curves: Mapping[str, Sequence[float]]
    across: str = ""
    up: str = ""
    places: Sequence[float] | None = None
    lowest: float | None = None
    aspect: float = _CHART

    def draw(self, axes: Axes) -> None:
        """Draw it on matplotlib's axes."""
        for name, heights in self.curves.items():
            places = range(len(heights)) if self.places is None else self.places
            axes.plot(places, heights, label=name, marker=".")
        if self.lowest is not None:
            axes.set_yscale("log")
            axes.set_ylim(bottom=self.lowest)
        axes.set(xlabel=self.across, ylabel=self.up)
        axes.set_box_aspect(self.aspect)
        axes.grid(alpha=0.3)
        if len(self.curves) > 1:
            axes.legend()


@dataclass(frozen=True)
class Bars:
    """A bar for each name.

    Args:
        title: What is written above it.
        heights: By name, from left to right.
        across: What the names are.
        up: What the heights are.
    """

    title: str
    heights: Mapping[str, float]
    across: str = ""
    up: str = ""
    aspect: float = _CHART

    def draw(self, axes: Axes) -> None:
        """Draw it on matplotlib's axes."""
        axes.bar(list(self.heights), list(self.heights.values()))
        axes.set(xlabel=self.across, ylabel=self.up)
        axes.set_box_aspect(self.aspect)
        axes.grid(alpha=0.3, axis="y")
        if sum(map(len, self.heights)) > _LETTERS:
            axes.tick_params("x", rotation=90)


@dataclass(frozen=True)
class Points:
    """Points in a plane whose axes have one unit, numbered from 0.

    Args:
        title: What is written above it.
        places: Across and up.
        across: What lies on the horizontal axis.
        up: What lies on the vertical axis.
    """

    title: str
    places: Float[Tensor, "n 2"]
    across: str = ""
    up: str = ""
    aspect: float = _CHART

    def draw(self, axes: Axes) -> None:
        """Draw it on matplotlib's axes."""
        places = self.places.tolist()
        axes.scatter(*zip(*places, strict=True), s=12, c=range(len(places)), cmap="viridis")
        if len(places) <= _NUMBERED:
            for number, place in enumerate(places):
                axes.annotate(
                    str(number), place, (3, 3), textcoords="offset points", fontsize="small"
                )
        axes.set(xlabel=self.across, ylabel=self.up)
        axes.margins(0.1)
        axes.locator_params(nbins=4)
        axes.grid(alpha=0.3)
        axes.set_box_aspect(self.aspect)
        axes.set_aspect("equal", "datalim")


def _aspect(image: Tensor) -> float:
    return image.shape[-2] / image.shape[-1]


def _pixels(picture: Float[Tensor, "c h w"]) -> Shaped[np.ndarray, "h w *c"]:
    """Return what matplotlib shows: (h, w, 3), or (h, w) of gray."""
    pixels = picture.detach().float().clamp(0, 1).cpu().permute(1, 2, 0).numpy()
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def _colour_bar(axes: Axes, drawn: object, label: str) -> None:
    """Draw a bar as high as the picture beside it."""
    axes.figure.colorbar(drawn, cax=axes.inset_axes((1.03, 0, 0.04, 1)), label=label)


def _bare(axes: Axes, frame: Frame | None) -> None:
    """Leave out the ticks, draw the frame."""
    axes.set_axis_off()
    if frame is None:
        return
    from matplotlib.patches import Rectangle

    rows, columns = frame
    corner = columns.start - 0.5, rows.start - 0.5
    size = columns.stop - columns.start, rows.stop - rows.start
    axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor="red", linewidth=1.5))
