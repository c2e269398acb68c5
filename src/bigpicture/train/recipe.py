"""A training run as a TOML file: what is trained, on what, how, and how it is watched."""

from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from bigpicture.config import Settings
from bigpicture.layers.modulation import Attention

__all__ = ["Recipe"]


class ModelPart(Settings):
    """Which network, and where its weights start."""

    size: str = Field(description="a published size, see `bigpicture models list`")
    scale: PositiveInt | None = Field(
        default=None, description="enlargement; left out for a network that renders any"
    )
    attention: Attention | None = Field(
        default=None,
        description="in place of what the size has; IKM adds no parameter, so it can wait",
    )
    start: str | None = Field(
        default=None,
        description="weights to start from, a shipped name or a file; what fits is taken",
    )


class DataPart(Settings):
    """Which photographs, and how crops are taken from them."""

    train: list[Path] = Field(min_length=1, description="folders of photographs")
    description: str = Field(description="of the photographs; goes into the weights' metadata")
    licence: str = Field(description="of the photographs; goes into the weights' metadata")
    cache: Path = Field(default=Path(".cache/photographs"), description="decoded photographs")
    images: PositiveInt = Field(default=16, description="crops in a batch")
    patch: PositiveInt = Field(default=48, description="side of a crop, in low-resolution pixels")
    scales: tuple[float, float] | None = Field(
        default=None,
        description="least and greatest enlargement, for a network that renders any; each batch "
        "draws one and shrinks its crops on the fly",
    )
    points: PositiveInt = Field(
        default=2304, description="pixels drawn of each crop to be rendered, where there are scales"
    )
    seed: int = 0

    @field_validator("scales")
    @classmethod
    def _climb(cls, scales: tuple[float, float] | None) -> tuple[float, float] | None:
        if scales is not None and not 1 <= scales[0] <= scales[1]:
            raise ValueError(f"scales must be at least 1 and climb, not {list(scales)}")
        return scales


class OptimiserPart(Settings):
    """Adam, its learning rate over time, and the average of the weights that is kept."""

    rate: PositiveFloat = Field(description="highest learning rate")
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: Literal["cosine", "step"] = "cosine"
    warmup: int = Field(default=0, ge=0, description="steps over which the rate climbs from 0")
    halve_every: PositiveInt = Field(default=200_000, description="of the step schedule, in steps")
    steps: PositiveInt
    ema: float = Field(
        default=0.999, ge=0, lt=1, description="share kept in the average at each step"
    )


class PrecisionPart(Settings):
    """How the numbers are held."""

    bf16: bool = Field(default=True, description="autocast to bfloat16")
    channels_last: bool = True
    compile: bool = Field(default=False, description="torch.compile the network")


class WatchPart(Settings):
    """What is measured and kept on the way."""

    benchmark: Path | None = Field(
        default=None, description="folder of a benchmark set, scored on the way"
    )
    scale: PositiveInt = Field(
        default=4, description="at which a network that renders any is scored"
    )
    protocol: str = "sr-y"
    validate_every: PositiveInt = Field(default=500, description="steps")
    save_every: PositiveInt = Field(default=200, description="steps between checkpoints")
    log_every: PositiveInt = Field(default=20, description="steps")


class Recipe(Settings):
    """A whole training run."""

    name: str = Field(description="of the weights that come out")
    model: ModelPart
    data: DataPart
    optimiser: OptimiserPart
    precision: PrecisionPart = PrecisionPart()
    watch: WatchPart = WatchPart()

    @property
    def validation_scale(self) -> int:
        """At which enlargement the network is scored."""
        return self.model.scale or self.watch.scale

    @model_validator(mode="after")
    def _one_scale_or_an_interval(self) -> "Recipe":
        if (self.model.scale is None) == (self.data.scales is None):
            raise ValueError(
                "give model.scale, or, for a network that renders any scale, data.scales"
            )
        return self
