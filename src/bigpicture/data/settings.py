"""Which pictures a network is trained on and how crops are taken from them: a recipe's `[data]`."""

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)

from bigpicture.config import Settings
from bigpicture.degrade.record import Kind

__all__ = ["Among", "DataPart", "Interval", "Place", "Scales"]


Url = Annotated[str, Field(pattern="://")]  # a path would drop one of the slashes
Place = Url | Path
"""A path, or the URL of something that `fsspec` can open."""


class Interval(NamedTuple):
    """Scales between two bounds, all equally likely."""

    least: float
    greatest: float

    def draw(self, rng: np.random.Generator) -> float:
        """Draw one of them."""
        return rng.uniform(self.least, self.greatest)

    def __str__(self) -> str:
        return f"×{self.least:g} to ×{self.greatest:g}"


class Among(Settings):
    """A set of scales, all equally likely."""

    among: tuple[Annotated[float, Field(ge=1)], ...] = Field(min_length=1)

    @property
    def greatest(self) -> float:
        """The greatest of them."""
        return max(self.among)

    def draw(self, rng: np.random.Generator) -> float:
        """Draw one of them."""
        return float(rng.choice(self.among))

    def __str__(self) -> str:
        return ", ".join(f"×{scale:g}" for scale in self.among)


Scales = Interval | Among


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
        description="for a network that renders any: [least, greatest], or {among = [2, 3, 4]}; "
        "each batch draws one and shrinks its crops on the fly",
    )
    points: PositiveInt | Literal["all"] = Field(
        default=2304,
        description="pixels drawn of each crop to be rendered, where there are scales; all of "
        "them for losses that look at pictures",
    )
    degradation: Kind | list[Kind] = Field(
        default="bi",
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
    seed: NonNegativeInt = 0
    workers: NonNegativeInt | None = Field(
        default=None,
        description="processes that draw batches ahead; left out, as many as the degradation needs",
    )

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The degradations as a tuple, however they were given."""
        return (self.degradation,) if isinstance(self.degradation, str) else (*self.degradation,)

    @field_validator("scales", mode="before")
    @classmethod
    def _climb(cls, scales: object) -> object:
        if isinstance(scales, list | tuple) and (
            len(scales) != 2
            or not all(isinstance(bound, int | float) for bound in scales)
            or not 1 <= scales[0] <= scales[1]
        ):
            raise ValueError(
                "give two numbers that are at least 1 and climb, [least, greatest], "
                "or {among = [2, 3, 4]} for a set"
            )
        return scales

    @model_validator(mode="after")
    def _can_be_made(self) -> "DataPart":
        kinds = self.kinds
        if not kinds or (len(kinds) > 1 and not {"bsrgan", "realesrgan"}.issuperset(kinds)):
            raise ValueError(
                f"degradation is {list(kinds)}; give one kind, or a list of bsrgan and realesrgan"
            )
        if self.low and len(self.low) != len(self.train):
            raise ValueError(
                f"low has {len(self.low)} folders but train {len(self.train)}; "
                "give one for each, in the same order"
            )
        if self.low and (kinds != ("bi",) or self.scales is not None):
            raise ValueError(
                "low has what the crops are to be learned from; leave out degradation and scales"
            )
        if kinds == ("bd",) and self.scales is not None:
            raise ValueError("degradation is 'bd', which has odd whole scales only; leave scales")
        return self
