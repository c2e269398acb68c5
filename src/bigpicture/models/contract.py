"""What every network here is made of: a backbone, and a head on it.

    low (b, colours, h, w) ──backbone──▶ features (b, c, h, w) ──head──▶ (b, colours, H, W)

Both take and give normalised pictures; `bigpicture.models.network` puts them together. Their
settings are frozen dataclasses that build them, one `kind` each, so that a file can name them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from torch import nn

from bigpicture.context.contract import Part
from bigpicture.shapes import Float, Tensor

__all__ = ["Backbone", "BackboneSettings", "Head", "HeadSettings", "Limits", "Region"]


class Region(NamedTuple):
    """What a tile renders of a result of any size.

    Attributes:
        part: Where the tile lies in the whole picture.
        rows: First row and the one after the last, of the whole result.
        columns: The same along the other axis.
    """

    part: Part
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True)
class Limits:
    """How a network may be used, so that whoever runs it needs to know no names.

    The networks here go with any size, and with bf16, so what they declare leaves `multiple`,
    `smallest` and `precisions` as they are; they are for other networks in a `bigpicture.Model`.

    Attributes:
        scale: Enlargement of each side; of a network for any scale, what it does unasked.
        colours: Channels of its pictures, 1 or 3.
        reach: How many low-resolution pixels away a pixel is seen other than through a context.
        multiple: What a picture's sides must be divisible by; 1 where any size goes.
        smallest: The least side that it takes.
        align: Tiles must begin at multiples of this many pixels, as its windows do.
        any_scale: Whether `network(low, (H, W))` renders any size, and `network(low, (H, W),
            region)`, of a tile `low`, a `Region` of it.
        precisions: In which its pictures of 8 bits are as good as in float32.
    """

    scale: int
    colours: int
    reach: int
    multiple: int = 1
    smallest: int = 1
    align: int = 1
    any_scale: bool = False
    precisions: tuple[str, ...] = ("fp32", "bf16")


class Backbone(nn.Module, ABC):
    """Features of pictures, at their size.

    Attributes:
        channels: Feature channels c that it gives.
        reach: How many pixels away a pixel is seen other than through a context.
        multiple: What the sides of its input must be divisible by; the network mirrors the
            picture's right and lower border as far as needed.
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
    """Larger pictures from features.

    Attributes:
        scale: Enlargement of each side; where any is possible, the one that is made unasked.
        any_scale: Whether any size can be rendered.
        reach: How many low-resolution pixels away a feature is seen other than through a context.
    """

    scale: int
    any_scale: bool = False
    reach: int

    @abstractmethod
    def forward(
        self,
        features: Float[Tensor, "b c h w"],
        low: Float[Tensor, "b colours h w"],
        size: tuple[int, int] | None = None,
    ) -> Float[Tensor, "b colours H W"]:
        """Return normalised pictures, `scale` times larger or of a `size` (H, W).

        A head for one scale ignores `low` and is never given a `size`.
        """


@runtime_checkable
class BackboneSettings(Protocol):
    """Everything that makes a backbone but the colours of its pictures."""

    @property
    def kind(self) -> str:
        """Name of the backbone in files."""
        ...

    def build(self, colours: int) -> Backbone:
        """Return the untrained backbone."""
        ...


@runtime_checkable
class HeadSettings(Protocol):
    """Everything that makes a head but what it stands on."""

    @property
    def kind(self) -> str:
        """Name of the head in files."""
        ...

    @property
    def scale(self) -> int:
        """Enlargement of each side."""
        ...

    def build(self, channels: int, colours: int) -> Head:
        """Return the untrained head on features of so many channels."""
        ...
