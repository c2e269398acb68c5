"""What a network declares about itself, so that whoever runs it needs to know no names."""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """How a network may be used.

    Attributes:
        scale: Enlargement of each side.
        colours: Channels of its pictures, 1 or 3.
        reach: How many low-resolution pixels away a pixel is seen other than through a context.
        multiple: What a picture's sides must be divisible by; 1 where any size goes.
        smallest: The least side that it takes.
    """

    scale: int
    colours: int
    reach: int
    multiple: int = 1
    smallest: int = 1
