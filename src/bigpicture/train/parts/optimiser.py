"""`[optimiser]`: Adam, its learning rate over time, and the average of the weights that is kept."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from bigpicture.config import Settings

__all__ = ["Betas", "OptimiserPart"]

_Decay = Annotated[float, Field(ge=0, lt=1)]
Betas = tuple[_Decay, _Decay]
"""Shares of its two averages that Adam keeps at each step."""


class OptimiserPart(Settings):
    """Adam, its learning rate over time, and the average of the weights that is kept."""

    rate: PositiveFloat = Field(description="highest learning rate")
    betas: Betas = (0.9, 0.999)
    schedule: Literal["constant", "cosine", "step", "multistep"] = Field(
        default="cosine",
        description="how the rate falls: not at all; along a cosine to 0 at the end; by half "
        "every `halve_every` steps; by half at the steps in `halve_at`",
    )
    warmup: NonNegativeInt = Field(default=0, description="steps over which the rate climbs from 0")
    halve_every: PositiveInt = Field(default=200_000, description="of the step schedule, in steps")
    halve_at: tuple[PositiveInt, ...] = Field(
        default=(), description="of the multistep schedule: steps after which the rate is halved"
    )
    steps: PositiveInt
    accumulate: PositiveInt = Field(
        default=1,
        description="parts that a step's batch is computed in, one after another: for the same "
        "gradient in less memory",
    )
    clip: PositiveFloat | None = Field(
        default=None, description="greatest norm of the gradient, which is shortened to it"
    )
    ema: float = Field(
        default=0.999, ge=0, lt=1, description="share kept in the average at each step"
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
