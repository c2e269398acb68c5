"""A rectangle of pixels, with or without a halo around it.

picture (h, w, …) ──of──▶ (y, x, …) ──within, for a smaller rectangle──▶ (v, u, …)
"""

from typing import NamedTuple

from bigpicture.shapes import Tensor

__all__ = ["Rectangle"]


class Rectangle(NamedTuple):
    """Rows from `top` to before `bottom`, columns from `left` to before `right`."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        """Number of pixels."""
        return (self.bottom - self.top) * (self.right - self.left)

    def grown(self, by: int, height: int, width: int) -> "Rectangle":
        """Return the rectangle with a halo, clipped to the picture.

        >>> Rectangle(0, 4, 2, 6).grown(1, 9, 6)
        Rectangle(top=0, bottom=5, left=1, right=6)
        """
        return Rectangle(
            max(self.top - by, 0),
            min(self.bottom + by, height),
            max(self.left - by, 0),
            min(self.right + by, width),
        )

    def of(self, x: Tensor) -> Tensor:
        """Return the pixels of a picture (h, w, …) inside the rectangle."""
        return x[self.top : self.bottom, self.left : self.right]

    def within(self, outer: "Rectangle", x: Tensor) -> Tensor:
        """Return the pixels inside the rectangle, given those of an outer rectangle (y, x, …)."""
        top, left = self.top - outer.top, self.left - outer.left
        return x[top : top + self.bottom - self.top, left : left + self.right - self.left]
