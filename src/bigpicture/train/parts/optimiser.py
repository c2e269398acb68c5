"""`[optimiser]`: Adam, its learning-rate schedule, and the running average of the weights."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from bigpicture.config import Settings

__all__ = ["Betas", "OptimiserPart"]

_Decay = Annotated[float, Field(ge=0, lt=1)]
Betas = tuple[_Decay, _Decay]
"""Decay rates of Adam's two averages."""


class OptimiserPart(Settings):
    """Adam, its learning-rate schedule, and the running average of the weights."""

    rate: PositiveFloat = Field(description="Highest learning rate.")
    betas: Betas = Field(default=(0.9, 0.999), description="Decay rates of Adam's two averages.")
    schedule: Literal["constant", "cosine", "step", "multistep"] = Field(
        default="cosine",
        description="How the learning rate falls after the warm-up: constant: not at all; cosine: "
        "along a cosine, to 0 at the end; step: it is halved every `halve_every` steps; multistep: "
        "it is halved at the steps in `halve_at`.",
    )
    warmup: NonNegativeInt = Field(
        default=0, description="Number of steps over which the learning rate rises from 0."
    )
    halve_every: PositiveInt = Field(
        default=200_000, description="Steps between two halvings, for the step schedule."
    )
    halve_at: tuple[PositiveInt, ...] = Field(
        default=(),
        description="Steps after which the learning rate is halved, for the multistep schedule.",
    )
    steps: PositiveInt = Field(description="Number of steps of the whole run.")
    accumulate: PositiveInt = Field(
        default=1,
        description="Number of parts in which a batch is computed, one after another. The gradient "
        "is the same, and takes less memory.",
    )
    clip: PositiveFloat | None = Field(
        default=None, description="Largest norm of the gradient; longer ones are scaled down to it."
    )
    ema: float = Field(
        default=0.999,
        ge=0,
        lt=1,
        description="Decay rate of the running average of the weights, which is what is scored and "
        "kept.",
    )

    @model_validator(mode="after")
    def _halves_where_it_says(self) -> "OptimiserPart":
        if (self.schedule == "multistep") != bool(self.halve_at):
            raise ValueError(
                f"schedule is {self.schedule!r} and halve_at is {list(self.halve_at)}; "
                "give both schedule = 'multistep' and halve_at, or neither"
            )
        if any(later <= earlier for earlier, later in pairwise(self.halve_at)):
            raise ValueError(f"halve_at must climb, not be {list(self.halve_at)}")
        return self
