"""A panel of points in a plane."""

from dataclasses import dataclass
from typing import Any

from bigpicture.shapes import Float, Tensor

__all__ = ["Points"]

_NUMBERED = 30  # more numbers would cover one another


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
    aspect: float = 0.75

    def draw(self, axes: Any) -> None:  # noqa: ANN401
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
