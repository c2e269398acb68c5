"""Interfaces of the two parts of every network: a backbone and the head on top of it.

    low (b, colours, h, w) ──backbone──▶ features (b, c, h, w) ──head──▶ (b, colours, H, W)

Both work on normalised pictures; `bigpicture.models.network` puts them together. Each is built by
its settings, a frozen dataclass with a unique `kind`, so that a file can name it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, NamedTuple, Protocol, runtime_checkable

from pydantic import Field
from torch import nn

from bigpicture.context.contract import Part
from bigpicture.shapes import Float, Tensor

__all__ = [
    "MOST",
    "Backbone",
    "BackboneSettings",
    "Count",
    "Head",
    "HeadSettings",
    "Limits",
    "Region",
]

MOST = 9999
"""Greatest count in settings. To build what a damaged or hostile file states might never end."""

Count = Annotated[int, Field(gt=0, le=MOST)]
"""Type of a setting: how often something is repeated, the side of a window, or a scale factor."""


class Region(NamedTuple):
    """The region of a whole result, of any size, that is rendered from one tile.

    Attributes:
        part: Where the tile lies in the whole picture.
        rows: First row in the whole result, and the row after the last.
        columns: The same for columns.
    """

    part: Part
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True)
class Limits:
    """How a network may be used, so that callers need not know which network it is.

    The networks of this package take any size and work in bf16, so they leave `smallest` and
    `precisions` at their defaults, and `multiple` unless tiles must not be padded one by one. These
    are for other networks in a `bigpicture.Model`.

    Attributes:
        scale: Scale factor; for a network that renders any scale, the default.
        colours: Channels of its pictures, 1 or 3.
        reach: How many low-resolution pixels away a pixel has influence, other than by a context.
        multiple: Both sides of its input must be multiples of this; 1 for any size.
        smallest: The shortest side that it accepts.
        align: Tiles must begin at multiples of this many pixels, as the network's windows do.
        any_scale: Whether `network(low, (H, W))` renders any size, and `network(low, (H, W),
            region)` renders a `Region` of it from a tile `low`.
        precisions: Those whose 8-bit results are as good as in float32.

    Raises:
        ValueError: If a network that renders any size does not take any size.
    """

    scale: int
    colours: int
    reach: int
    multiple: int = 1
    smallest: int = 1
    align: int = 1
    any_scale: bool = False
    precisions: tuple[str, ...] = ("fp32", "bf16")

    def __post_init__(self) -> None:
        if self.any_scale and (self.multiple > 1 or self.smallest > 1):
            raise ValueError(
                f"multiple={self.multiple} and smallest={self.smallest} must be 1 with any_scale: "
                "of a result of any size, what comes from padding cannot be cropped; let the "
                "network pad pictures and crop their features itself"
            )


class Backbone(nn.Module, ABC):
    """Maps pictures to features of the same height and width.

    Attributes:
        channels: Feature channels c.
        reach: How many pixels away a pixel has influence, other than through a context.
        multiple: Both sides of its input must be multiples of this; the network pads the right and
            lower border by reflection as needed.
        align: Tiles must begin at multiples of this many pixels.
    """

    channels: int
    reach: int
    multiple: int = 1
    align: int = 1

    @abstractmethod
    def forward(self, x: Float[Tensor, "b colours h w"]) -> Float[Tensor, "b c h w"]:
        """Return the features of normalised pictures."""


class Head(nn.Module, ABC):
    """Maps features to enlarged pictures.

    Args:
        scale: Scale factor; for a head that renders any scale, the default.

    Attributes:
        any_scale: Whether any size can be rendered.
        reach: How many low-resolution pixels away a feature has influence, other than through a
            context.

    Raises:
        ValueError: If `scale` is below 1.
    """

    any_scale: bool = False
    reach: int

    def __init__(self, scale: int) -> None:
        super().__init__()
        if scale < 1:
            raise ValueError(f"scale must be a whole number of at least 1, not {scale}")
        self.scale = scale

    @abstractmethod
    def forward(
        self,
        features: Float[Tensor, "b c h w"],
        low: Float[Tensor, "b colours h w"],
        size: tuple[int, int] | None = None,
    ) -> Float[Tensor, "b colours H W"]:
        """Return normalised pictures, `scale` times larger or of a `size` (H, W).

        A head for a single scale ignores `low` and is never given a `size`.
        """


@runtime_checkable
class BackboneSettings(Protocol):
    """Settings of a backbone: all that it is built from except the number of colours."""

    @property
    def kind(self) -> str:
        """Name of the backbone in weight files and recipes."""
        ...

    def build(self, colours: int) -> Backbone:
        """Return the untrained backbone."""
        ...


@runtime_checkable
class HeadSettings(Protocol):
    """Settings of a head: all that it is built from except the features that it reads."""

    @property
    def kind(self) -> str:
        """Name of the head in weight files and recipes."""
        ...

    @property
    def scale(self) -> int:
        """Scale factor."""
        ...

    def build(self, channels: int, colours: int) -> Head:
        """Return the untrained head for features with `channels` channels."""
        ...
