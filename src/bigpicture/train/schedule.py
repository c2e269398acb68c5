"""The learning rate over the steps of a run."""

import math
from bisect import bisect_right

from bigpicture.train.parts.optimiser import OptimiserPart

__all__ = ["rate_at", "unreached"]


def rate_at(step: int, settings: OptimiserPart) -> float:
    """Return the learning rate of a step, counted from 0.

    It climbs linearly over the warm-up, then follows the schedule: `constant`; `cosine`, to 0 at
    the end; `step`, halved every `halve_every` steps; `multistep`, halved after each number of
    steps in `halve_at`.
    """
    if step < settings.warmup:
        return settings.rate * (step + 1) / settings.warmup
    if settings.schedule == "cosine":
        done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
        return settings.rate * (1 + math.cos(math.pi * min(1.0, done))) / 2
    halvings = {
        "constant": 0,
        "step": step // settings.halve_every,
        "multistep": bisect_right(settings.halve_at, step),
    }
    return settings.rate * 0.5 ** halvings[settings.schedule]


def unreached(settings: OptimiserPart) -> list[str]:
    """Return the keys, with their values, that take effect only after the last step.

    >>> unreached(OptimiserPart(rate=1e-4, steps=10, warmup=200))
    ['optimiser.warmup = 200']
    """
    late: dict[str, object] = {}
    if settings.warmup >= settings.steps:
        late["warmup"] = settings.warmup
    if settings.schedule == "step" and settings.halve_every >= settings.steps:
        late["halve_every"] = settings.halve_every
    if halvings := [step for step in settings.halve_at if step >= settings.steps]:
        late["halve_at"] = halvings
    return [f"optimiser.{key} = {value}" for key, value in late.items()]
