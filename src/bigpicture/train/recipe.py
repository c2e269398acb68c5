"""A training run as a TOML file: what is trained, on what, how, and how it is watched."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from bigpicture.config import Settings
from bigpicture.data.settings import DataPart
from bigpicture.degrade.record import REALISTIC
from bigpicture.degrade.standard import Standard
from bigpicture.train.parts.losses import LossesPart
from bigpicture.train.parts.model import ModelPart
from bigpicture.train.parts.optimiser import OptimiserPart
from bigpicture.train.parts.precision import PrecisionPart
from bigpicture.train.parts.watch import WatchPart

__all__ = ["Recipe"]


def _of_a_file(name: str) -> str:
    if Path(name).name != name or name == "..":
        raise ValueError("give a name without folders; the weights' file is called after it")
    return name


class Recipe(Settings):
    """A whole training run."""

    name: Annotated[str, AfterValidator(_of_a_file)] = Field(
        description="of the weights that come out"
    )
    model: ModelPart
    data: DataPart
    losses: LossesPart = LossesPart(l1=1.0)
    optimiser: OptimiserPart
    precision: PrecisionPart = PrecisionPart()
    watch: WatchPart = WatchPart()

    @property
    def validation_scale(self) -> int:
        """The scale at which the network is scored."""
        return self.model.scale or self.watch.scale

    @property
    def validation_degradation(self) -> Standard | None:
        """The degradation that the network is scored on; None for the benchmark's own."""
        if self.watch.degradation is not None or self.watch.low is not None:
            return self.watch.degradation
        return next((kind for kind in ("bd", "dn") if self.data.degradation == (kind,)), None)

    @model_validator(mode="after")
    def _one_scale_or_an_interval(self) -> "Recipe":
        if (self.model.scale is None) == (self.data.scales is None):
            raise ValueError(
                "give model.scale, or, for a network that renders any scale, data.scales"
            )
        return self

    @model_validator(mode="after")
    def _bd_has_odd_scales(self) -> "Recipe":
        scored, scale = self.watch.benchmark is not None, self.validation_scale
        if scored and self.validation_degradation == "bd" and scale % 2 == 0:
            part = "watch" if self.watch.degradation else "data"
            key = "watch" if self.model.scale is None else "model"
            raise ValueError(
                f"{part}.degradation is 'bd', which has odd scales; {key}.scale is {scale}"
            )
        return self

    @model_validator(mode="after")
    def _losses_see_pictures(self) -> "Recipe":
        losses, points = self.losses.of_pictures, self.data.points
        if self.data.scales is not None and points != "all" and losses:
            raise ValueError(
                f"losses has {', '.join(losses)}, for which {points} single points are no picture; "
                'give data.points = "all"'
            )
        return self

    @model_validator(mode="after")
    def _all_keys_do_something(self) -> "Recipe":
        drawn = not REALISTIC.isdisjoint(self.data.degradation)
        of_kinds = "data.degradation = 'bsrgan' or 'realesrgan'"
        for part, key, works, needed in (
            ("data", "points", self.data.scales is not None, "data.scales"),
            ("data", "webp", drawn, of_kinds),
            ("data", "margin", drawn, of_kinds),
            ("data", "sharpen", drawn, of_kinds),
            ("optimiser", "halve_every", self.optimiser.schedule == "step", "schedule = 'step'"),
            ("watch", "low", self.watch.benchmark is not None, "watch.benchmark"),
            ("watch", "degradation", self.watch.benchmark is not None, "watch.benchmark"),
            ("watch", "scale", self.model.scale in (None, self.watch.scale), "data.scales"),
        ):
            settings = getattr(self, part)
            value = getattr(settings, key)
            if not works and value != type(settings).model_fields[key].default:
                raise ValueError(f"{part}.{key} = {value!r} does nothing without {needed}")
        return self
