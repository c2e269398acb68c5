"""A training run as a TOML file: what is trained, on what, how, and how it is watched."""

from collections.abc import Sequence
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

__all__ = ["Recipe", "scored_degradation"]


def scored_degradation(
    chosen: Standard | None, low: object, trained: Sequence[str]
) -> Standard | None:
    """Return the degradation that a network is scored on; None for the benchmark's own.

    Args:
        chosen: The recipe's `watch.degradation`.
        low: Its `watch.low`; None if the benchmark's low-resolution pictures are not elsewhere.
        trained: Its `data.degradation`.
    """
    if chosen is not None or low is not None:
        return chosen
    return next((kind for kind in ("bd", "dn") if list(trained) == [kind]), None)


def _of_a_file(name: str) -> str:
    if Path(name).name != name or name in ("", ".."):
        raise ValueError("give a name without folders; the weights' file is called after it")
    return name


class Recipe(Settings):
    """A training run: a network, its data, and how it is trained and scored."""

    name: Annotated[str, AfterValidator(_of_a_file)] = Field(
        description="Name of the run, after which its files of weights are named."
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
        watch = self.watch
        return scored_degradation(watch.degradation, watch.low, self.data.degradation)

    @model_validator(mode="after")
    def _fits_its_data(self) -> "Recipe":
        self.data.check_scale(self.model.scale)
        return self

    @model_validator(mode="after")
    def _bd_is_scored_at_odd_scales(self) -> "Recipe":
        scale = self.validation_scale
        if self.watch.degradation == "bd" and scale % 2 == 0:
            key = "watch" if self.model.scale is None else "model"
            raise ValueError(
                f"watch.degradation is 'bd', which has odd scales; {key}.scale is {scale}"
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
