"""A training run as a TOML file: what is trained, on what, how, and how it is watched."""

from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from bigpicture.config import Settings
from bigpicture.layers.modulation import Attention

__all__ = ["Recipe"]


class ModelPart(Settings):
    """Which network, and where its weights start."""

    size: str = Field(description="a published size, see `bigpicture models list`")
    scale: PositiveInt
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
    seed: int = 0


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
