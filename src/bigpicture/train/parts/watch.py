"""`[watch]`: what is scored, saved and logged during training."""

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from bigpicture.config import Settings
from bigpicture.degrade.standard import Standard

__all__ = ["WatchPart"]


class WatchPart(Settings):
    """What is scored, saved and logged during training."""

    benchmark: Path | None = Field(
        default=None,
        description="Folder of the benchmark set that the network is scored on. Left out, it is "
        "not scored.",
    )
    low: Path | None = Field(
        default=None,
        description="Folder of the benchmark's low-resolution pictures, if they are elsewhere, "
        "such as those made by `bigpicture degrade`.",
    )
    degradation: Standard | None = Field(
        default=None,
        description="How the benchmark's low-resolution pictures are made. Left out, it is "
        "`data.degradation` if that is bd or dn; otherwise the benchmark's own files are used or, "
        "if it has none, bi.",
    )
    scale: PositiveInt = Field(
        default=4, description="Scale at which a network that renders any scale is scored."
    )
    protocol: Literal["sr-y", "sr-rgb"] = Field(
        default="sr-y", description="How restored pictures and references are compared."
    )
    validate_every: PositiveInt = Field(default=500, description="Steps between two scores.")
    save_every: PositiveInt = Field(default=200, description="Steps between two checkpoints.")
    log_every: PositiveInt = Field(default=20, description="Steps between two lines of the log.")
    pictures: NonNegativeInt = Field(
        default=3, description="How many of the benchmark's first pictures TensorBoard shows."
    )
    skips: NonNegativeInt = Field(
        default=10,
        description="How many steps may be skipped, because a loss or the gradient is not finite, "
        "before the run is stopped.",
    )

    @model_validator(mode="after")
    def _made_or_given(self) -> "WatchPart":
        if self.low is not None and self.degradation is not None:
            raise ValueError(
                f"low is '{self.low}' and degradation is {self.degradation!r}; the folder has the "
                "pictures already, leave one of the two out"
            )
        return self
