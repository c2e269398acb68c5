"""A recipe's `[data]`: the pictures that a network is trained on, and how they are cropped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    field_validator,
)

from bigpicture.config import Settings
from bigpicture.degrade.record import REALISTIC, Kind

__all__ = ["Among", "DataPart", "Interval", "Place", "Scales"]


Url = Annotated[str, Field(pattern="://")]  # a path would drop one of the slashes
Place = Url | Path
"""A path, or the URL of something that `fsspec` can open."""


class Interval(NamedTuple):
    """Scales between two bounds, all equally likely."""

    least: float
    greatest: float

    def draw(self, rng: np.random.Generator) -> float:
        """Draw a scale."""
        return rng.uniform(self.least, self.greatest)

    def __str__(self) -> str:
        return f"×{self.least:g} to ×{self.greatest:g}"


def _climbing(interval: Interval) -> Interval:
    if not 1 <= interval.least <= interval.greatest:
        raise ValueError("give two numbers that are at least 1 and climb, [least, greatest]")
    return interval


Climbing = Annotated[Interval, AfterValidator(_climbing)]


class Among(Settings):
    """Scales to draw from, all equally likely: numbers or intervals."""

    among: tuple[Annotated[float, Field(ge=1)] | Climbing, ...] = Field(min_length=1)

    @property
    def greatest(self) -> float:
        """The greatest scale."""
        return max(each.greatest if isinstance(each, Interval) else each for each in self.among)

    def draw(self, rng: np.random.Generator) -> float:
        """Draw a scale."""
        drawn = self.among[rng.integers(len(self.among))]
        return drawn.draw(rng) if isinstance(drawn, Interval) else drawn

    def __str__(self) -> str:
        return ", ".join(
            str(each) if isinstance(each, Interval) else f"×{each:g}" for each in self.among
        )


Scales = Climbing | Among

Others = Any  # a ValidationInfo, which is a protocol that beartype cannot check

Kinds = Annotated[
    tuple[Kind, ...],
    BeforeValidator(
        lambda given: (given,) if isinstance(given, str) else given,
        json_schema_input_type=Kind | list[Kind],
    ),
]
"""Kinds of degradation; a single one may be given as a text."""


class DataPart(Settings):
    """Training pictures, and how crops are taken from them and degraded."""

    train: list[Place] = Field(
        min_length=1,
        description="Folders of pictures, packs made by `bigpicture data prepare`, .tar files, or "
        "URLs of these.",
    )
    low: list[Place] = Field(
        default=[],
        description="Folders of low-resolution versions, one for each entry of `train`. Left out, "
        "they are made by `degradation`.",
    )
    description: str = Field(
        description="Describes the pictures. It is stored in the metadata of the weights."
    )
    licence: str = Field(
        description="Licence of the pictures. It is stored in the metadata of the weights."
    )
    cache: Path = Field(
        default=Path(".cache/photographs"), description="Folder for decoded pictures."
    )
    images: PositiveInt = Field(default=16, description="Number of crops in a batch.")
    patch: PositiveInt = Field(default=48, description="Side of a crop, in low-resolution pixels.")
    scales: Scales | None = Field(
        default=None,
        description="Scales of a network that renders any scale: an interval [least, greatest], or "
        "a set {among = [2, 3, 4]}, which may include intervals, {among = [[1, 4], 2, 3]}. Each "
        "batch draws one scale, by which its crops are shrunk.",
    )
    points: PositiveInt | Literal["all"] = Field(
        default=2304,
        description='Number of pixels of each crop to render if `scales` is given, or "all", which '
        "losses that compare whole pictures need.",
    )
    degradation: Kinds = Field(
        default=("bi",),
        description="How low-resolution crops are made. If several kinds are listed, each crop "
        "draws one.",
    )
    webp: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of WebP among the compressions of bsrgan and realesrgan; the others are "
        "JPEG.",
    )
    margin: NonNegativeInt = Field(
        default=15,
        description="By how many low-resolution pixels the area that bsrgan and realesrgan degrade "
        "exceeds a crop, which is then cut from it at random. Use 0 if the pictures are no larger "
        "than crops.",
    )
    sharpen: bool = Field(
        default=False,
        description="Sharpen crops before bsrgan and realesrgan degrade them, as Real-ESRGAN does, "
        "so that networks learn to return sharpened pictures.",
    )
    seed: NonNegativeInt = Field(default=0, description="Seed of all random choices.")
    workers: NonNegativeInt | None = Field(
        default=None,
        description="Number of processes that prepare batches ahead. Left out, it depends on the "
        "degradation and the device.",
    )

    def check_scale(self, scale: int | None) -> None:
        """Refuse the scale of a network that cannot be trained on these crops.

        Args:
            scale: The scale; None for a network that renders any.

        Raises:
            ValueError: If neither or both scales are given, or the degradation cannot make them.
        """
        if (scale is None) == (self.scales is None):
            raise ValueError(
                "give model.scale, or, for a network that renders any scale, data.scales"
            )
        if self.degradation == ("bd",) and scale is not None and scale % 2 == 0:
            raise ValueError(
                f"data.degradation is 'bd', which has odd scales; model.scale is {scale}"
            )

    @field_validator("low")
    @classmethod
    def _one_for_each(cls, low: list[Place], others: Others) -> list[Place]:
        train = others.data.get("train", low)
        if low and len(low) != len(train):
            raise ValueError(f"give {len(train)} folders, one for each of train, in their order")
        return low

    @field_validator("scales", mode="before")
    @classmethod
    def _understood(cls, scales: object) -> object:
        if isinstance(scales, Mapping):
            understood = scales.keys() == {"among"}
        elif isinstance(scales, list | tuple):
            understood = len(scales) == 2 and all(
                isinstance(bound, int | float) for bound in scales
            )
        else:
            understood = scales is None or isinstance(scales, Among)
        if not understood:
            raise ValueError(
                "give two numbers, [least, greatest], or {among = [2, 3, 4]} for a set"
            )
        return scales

    @field_validator("scales")
    @classmethod
    def _made(cls, scales: Scales | None, others: Others) -> Scales | None:
        if scales is not None and others.data.get("low"):
            raise ValueError("data.low has crops of one scale only; leave one of the two out")
        return scales

    @field_validator("degradation")
    @classmethod
    def _can_be_made(cls, kinds: tuple[Kind, ...], others: Others) -> tuple[Kind, ...]:
        if not kinds or (len(kinds) > 1 and not REALISTIC.issuperset(kinds)):
            raise ValueError("give one kind, or a list of bsrgan and realesrgan")
        if kinds != ("bi",) and others.data.get("low"):
            raise ValueError("data.low has the crops already; leave one of the two out")
        if kinds == ("bd",) and others.data.get("scales") is not None:
            raise ValueError("'bd' has odd whole scales only; give model.scale, not data.scales")
        return kinds
