"""`[watch]`: what is measured and kept on the way."""

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from bigpicture.config import Settings
from bigpicture.degrade.standard import Standard

__all__ = ["WatchPart"]


class WatchPart(Settings):
    """What is measured and kept on the way."""

    benchmark: Path | None = Field(
        default=None, description="folder of a benchmark set, scored on the way"
    )
    low: Path | None = Field(
        default=None,
        description="folder of the benchmark's low-resolution pictures, where they lie elsewhere, "
        "such as those that `bigpicture degrade` made",
    )
    degradation: Standard | None = Field(
        default=None,
        description="what makes the benchmark's low-resolution pictures; left out, that of `data` "
        "if it is bd or dn, else they are the benchmark's own, or bi's where it has none",
    )
    scale: PositiveInt = Field(
        default=4, description="at which a network that renders any is scored"
    )
    protocol: Literal["sr-y", "sr-rgb"] = Field(
        default="sr-y", description="how restored pictures and references are compared"
    )
    validate_every: PositiveInt = Field(default=500, description="steps")
    save_every: PositiveInt = Field(default=200, description="steps between checkpoints")
    log_every: PositiveInt = Field(default=20, description="steps")
    pictures: NonNegativeInt = Field(
        default=3, description="of the benchmark that TensorBoard shows, the first ones"
    )
    skips: NonNegativeInt = Field(
        default=10,
        description="steps that may be skipped, because a loss or the gradient is no finite "
        "number, before the run is stopped",
    )

    @model_validator(mode="after")
    def _made_or_given(self) -> "WatchPart":
        if self.low is not None and self.degradation is not None:
            raise ValueError(
                f"low is '{self.low}' and degradation is {self.degradation!r}; the folder has the "
                "pictures already, leave one of the two out"
            )
        return self
