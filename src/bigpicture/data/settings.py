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
    """A set of scales, all equally likely; intervals may be among them."""

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
    """Which pictures, and how crops are taken from them."""

    train: list[Place] = Field(
        min_length=1,
        description="folders of pictures of any kind, or what `bigpicture data prepare` packed: "
        "folders, .tar files, URLs of them",
    )
    low: list[Place] = Field(
        default=[],
        description="folders of their low-resolution versions, one for each of `train`, where "
        "these are not to be made",
    )
    description: str = Field(description="of the photographs; goes into the weights' metadata")
    licence: str = Field(description="of the photographs; goes into the weights' metadata")
    cache: Path = Field(default=Path(".cache/photographs"), description="decoded photographs")
    images: PositiveInt = Field(default=16, description="crops in a batch")
    patch: PositiveInt = Field(default=48, description="side of a crop, in low-resolution pixels")
    scales: Scales | None = Field(
        default=None,
        description="for a network that renders any: [least, greatest], or {among = [2, 3, 4]}, "
        "which may have intervals too, {among = [[1, 4], 2, 3]}; each batch draws one and shrinks "
        "its crops on the fly",
    )
    points: PositiveInt | Literal["all"] = Field(
        default=2304,
        description="pixels drawn of each crop to be rendered, where there are scales; all of "
        "them for losses that look at pictures",
    )
    degradation: Kinds = Field(
        default=("bi",),
        description="what makes low-resolution crops; of several kinds, each crop draws one",
    )
    webp: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of WebP among the compressions of bsrgan and realesrgan",
    )
    margin: NonNegativeInt = Field(
        default=15,
        description="low-resolution pixels around a crop that are degraded with it by bsrgan and "
        "realesrgan, and cut off at random; 0 where pictures are no larger than crops",
    )
    sharpen: bool = Field(
        default=False,
        description="sharpen crops before bsrgan and realesrgan degrade them, so that networks "
        "learn to return sharpened pictures, as Real-ESRGAN does",
    )
    seed: NonNegativeInt = 0
    workers: NonNegativeInt | None = Field(
        default=None,
        description="processes that draw batches ahead; left out, as many as the degradation needs",
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
