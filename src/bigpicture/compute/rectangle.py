"""A rectangle of pixels, alone and with a halo around it.

picture (h, w, …) ──of──▶ (y, x, …) ──within a smaller one──▶ (v, u, …)
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
        """How many pixels it has."""
        return (self.bottom - self.top) * (self.right - self.left)

    def grown(self, by: int, height: int, width: int) -> "Rectangle":
        """Return the rectangle with a halo, which ends where the picture does.

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
        """Return the rectangle's pixels of a picture (h, w, …)."""
        return x[self.top : self.bottom, self.left : self.right]

    def within(self, outer: "Rectangle", x: Tensor) -> Tensor:
        """Return the rectangle's pixels of an outer one's (y, x, …)."""
        top, left = self.top - outer.top, self.left - outer.left
        return x[top : top + self.bottom - self.top, left : left + self.right - self.left]
