"""The panels of a figure: plain values that draw themselves on matplotlib's axes.

    Shown     a picture, with a frame around a part of it
    Overlay   weights on any grid, laid over a picture
    HeatMap   a matrix with its colour bar
    Lines     curves
    Bars      a bar for each name
    Points    points in a plane

`bigpicture.analysis.figure.save_figure` arranges them on a page. To add another kind, write a class
with `title`, `aspect` and `draw`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Shaped

from bigpicture.shapes import Float, Tensor

__all__ = ["Bars", "Frame", "HeatMap", "Lines", "Overlay", "Panel", "Points", "Shown"]

Axes = Any
"""`matplotlib.axes.Axes`; matplotlib is imported only when a figure is drawn."""

Frame = tuple[slice, slice]
"""Rows and columns of a picture, around which a frame is drawn."""

_CHART = 0.75  # height over width of charts
_LETTERS = 40  # of bars' names in all; with more, the names are turned
_NUMBERED = 30  # points; with more, the numbers would overlap


@runtime_checkable
class Panel(Protocol):
    """A part of a figure."""

    @property
    def title(self) -> str:
        """The text above the panel."""
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
        title: The text above the panel.
        picture: Gray or RGB in [0, 1]; other values are clipped.
        frame: A part of the picture to draw a frame around.
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
        title: The text above the panel.
        picture: Gray or RGB in [0, 1].
        weights: 0 or more; the largest is the brightest.
        label: Label of the colour bar.
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
            # small weights let the picture show through
            alpha=0.25 + 0.65 * np.clip(weights / top, 0, 1) ** 0.5,
        )
        _colour_bar(axes, drawn, self.label)
        _bare(axes, self.frame)


@dataclass(frozen=True)
class HeatMap:
    """A matrix with its colour bar.

    Args:
        title: The text above the panel.
        values: The matrix; row 0 is at the top.
        limits: Values at both ends of the colour scale; by default, the matrix's own.
        label: Label of the colour bar.
        rows: Label of the vertical axis.
        columns: Label of the horizontal axis.
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
        _name_axes(axes, self.columns, self.rows)
        axes.locator_params(integer=True)


@dataclass(frozen=True)
class Lines:
    """Curves, with their names in a legend if there are several.

    Args:
        title: The text above the panel.
        curves: Heights by name.
        across: Label of the horizontal axis.
        up: Label of the vertical axis.
        places: Positions of the heights on the horizontal axis; by default 0, 1, ….
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
        curves = []
        for heights in self.curves.values():
            places = range(len(heights)) if self.places is None else self.places
            curves += axes.plot(places, heights, marker=".")
        if self.lowest is not None:
            axes.set_yscale("log")
            axes.set_ylim(bottom=self.lowest)
        _name_axes(axes, self.across, self.up)
        axes.set_box_aspect(self.aspect)
        axes.grid(alpha=0.3)
        if len(self.curves) > 1:
            # the names come later, as a legend would leave out those that begin with _
            legend = axes.legend(curves, [""] * len(curves))
            for text, name in zip(legend.get_texts(), self.curves, strict=True):
                text.set(text=name, parse_math=False)


@dataclass(frozen=True)
class Bars:
    """A bar for each name.

    Args:
        title: The text above the panel.
        heights: Heights by name, from left to right.
        across: Label of the horizontal axis.
        up: Label of the vertical axis.
    """

    title: str
    heights: Mapping[str, float]
    across: str = ""
    up: str = ""
    aspect: float = _CHART

    def draw(self, axes: Axes) -> None:
        """Draw it on matplotlib's axes."""
        axes.bar(list(self.heights), list(self.heights.values()))
        _name_axes(axes, self.across, self.up)
        axes.set_box_aspect(self.aspect)
        axes.grid(alpha=0.3, axis="y")
        if sum(map(len, self.heights)) > _LETTERS:
            axes.tick_params("x", rotation=90)


@dataclass(frozen=True)
class Points:
    """Points in a plane with equal units on both axes; up to 30 are numbered, from 0.

    Args:
        title: The text above the panel.
        places: Horizontal and vertical position of each point.
        across: Label of the horizontal axis.
        up: Label of the vertical axis.
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
        _name_axes(axes, self.across, self.up)
        axes.margins(0.1)
        axes.locator_params(nbins=4)
        axes.grid(alpha=0.3)
        axes.set_box_aspect(self.aspect)
        axes.set_aspect("equal", "datalim")


def _name_axes(axes: Axes, across: str, up: str) -> None:
    """Label the axes; $ in a label begins no formula."""
    axes.set_xlabel(across, parse_math=False)
    axes.set_ylabel(up, parse_math=False)


def _aspect(image: Tensor) -> float:
    return image.shape[-2] / image.shape[-1]


def _pixels(picture: Float[Tensor, "c h w"]) -> Shaped[np.ndarray, "h w *c"]:
    """Return an array for matplotlib: (h, w, 3), or (h, w) for gray."""
    pixels = picture.detach().float().clamp(0, 1).cpu().permute(1, 2, 0).numpy()
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def _colour_bar(axes: Axes, drawn: object, label: str) -> None:
    """Draw a colour bar beside the image, equally high."""
    bar = axes.figure.colorbar(drawn, cax=axes.inset_axes((1.03, 0, 0.04, 1)))
    bar.set_label(label, parse_math=False)


def _bare(axes: Axes, frame: Frame | None) -> None:
    """Hide the axes and draw the frame."""
    axes.set_axis_off()
    if frame is None:
        return
    from matplotlib.patches import Rectangle

    rows, columns = frame
    corner = columns.start - 0.5, rows.start - 0.5
    size = columns.stop - columns.start, rows.stop - rows.start
    axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor="red", linewidth=1.5))
