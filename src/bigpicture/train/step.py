"""One step of training.

batch ──network──▶ losses ──backward──▶ gradient ──Adam──▶ weights ──▶ average

in `accumulate` parts, on all processes          once, if all numbers are finite
"""

import math
from collections.abc import Iterator
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import nn

from bigpicture.data.batch import Batch, Points
from bigpicture.infer.precision import computing_in
from bigpicture.shapes import Float, Tensor
from bigpicture.train.checkpoint import Run
from bigpicture.train.objective import objective
from bigpicture.train.processes import Processes
from bigpicture.train.recipe import Recipe
from bigpicture.train.render import Renderer, reference_of
from bigpicture.train.schedule import rate_at

__all__ = ["Learner", "Outcome"]

_LEAST_SCALE = 1.0  # of losses in fp16: below, it is not their small range that breaks gradients


class Outcome(NamedTuple):
    """What became of a step.

    Attributes:
        losses: By name, each without its weight.
        rate: Learning rate.
        broken: Losses that are no finite number, or "gradient" where only that is none; the step
            has then changed no weight.
    """

    losses: dict[str, float]
    rate: float
    broken: list[str]


class Learner:
    """Makes steps: calls the network, its losses, and what learns from their gradients.

    Args:
        recipe: What is made small, and how.
        run: What learns.
        processes: Who takes part.

    Raises:
        ImportError: If a loss needs what is not installed.
        OSError: If a loss needs weights that cannot be downloaded.
        ValueError: If a loss is given what it does not have, or the crops of a batch cannot be
            shared out evenly.
    """

    def __init__(self, recipe: Recipe, run: Run, processes: Processes) -> None:
        self.recipe, self.run, self.processes = recipe, run, processes
        _check_shares(recipe, processes)
        self.objective = objective(recipe.losses).to(processes.device)
        renderer = Renderer(run.network)
        if recipe.precision.compile:
            renderer.compile()
        self._render = processes.join(renderer)
        self._discriminator = run.adversary and processes.join(run.adversary.network)

    def step(self, index: int, batch: Batch) -> Outcome:
        """Learn from the batch of a step.

        Args:
            index: Of the step, counted from 0.
            batch: This process's share of it, on its device.
        """
        # What networks draw themselves, such as dropped paths, is a function of the step as well.
        torch.manual_seed(hash((self.recipe.data.seed, index, self.processes.index)))
        rate = self._set_rate(index)
        parts = self.recipe.optimiser.accumulate
        sums: dict[str, Tensor] = {}
        for number, part in enumerate(_parts(batch, parts)):
            first, last = number == 0, number == parts - 1
            for name, loss in self._accumulate(part, first, last).items():
                sums[name] = sums.get(name, 0.0) + loss / parts
        values = self.processes.mean(torch.stack(list(sums.values()))).tolist()
        losses = dict(zip(sums, values, strict=True))
        return Outcome(losses, rate, self._update(losses))

    def _set_rate(self, index: int) -> float:
        rate = rate_at(index, self.recipe.optimiser)
        for group in self.run.optimiser.param_groups:
            group["lr"] = rate
        if self.run.adversary is not None:
            self.run.adversary.set_rate(rate)
        return rate

    def _accumulate(self, part: Batch, first: bool, last: bool) -> dict[str, Tensor]:
        """Add a part's gradients to those that there are; return its losses."""
        processes, adversary, discriminator = (
            self.processes,
            self.run.adversary,
            self._discriminator,
        )
        share = 1 / self.recipe.optimiser.accumulate
        reference = reference_of(part)
        with nullcontext() if last else processes.apart(self._render):
            with self._computing():
                size = (reference.shape[-2], reference.shape[-1])
                restored = self._render(part.low, size, part.points)
            total, losses = self.objective(restored, reference)
            if adversary is not None:
                with self._computing():
                    losses["generator"] = adversary.judge(restored)
                total = total + adversary.weight * losses["generator"]
            self.run.scaler.scale(share * total).backward()
        if adversary is not None and discriminator is not None:
            with nullcontext() if last else processes.apart(discriminator):
                with self._computing():
                    loss = adversary.judge_apart(discriminator, reference, restored, begins=first)
                self.run.scaler.scale(share * loss).backward()
            losses["discriminator"] = loss
        return {name: loss.detach() for name, loss in losses.items()}

    def _update(self, losses: dict[str, float]) -> list[str]:
        """Let what learns take a step, unless a number is not finite; return which are not."""
        run, clip = self.run, self.recipe.optimiser.clip
        players = [(run.network, run.optimiser)]
        if run.adversary is not None:
            players.append((run.adversary.network, run.adversary.optimiser))
        broken = [name for name, loss in losses.items() if not math.isfinite(loss)]
        if not broken:
            norms = []
            for player, optimiser in players:
                run.scaler.unscale_(optimiser)
                norms.append(_shorten(player, clip))
            finite = all(math.isfinite(norm) for norm in norms)
            if finite or run.scaler.is_enabled():
                for _, optimiser in players:
                    run.scaler.step(optimiser)  # not one whose gradient fp16 could not hold
                run.scaler.update()
            if finite:
                run.average.update_parameters(run.network)
            elif not run.scaler.is_enabled() or run.scaler.get_scale() < _LEAST_SCALE:
                broken = ["gradient"]
        for _, optimiser in players:
            optimiser.zero_grad()
        return broken

    def _computing(self):  # noqa: ANN202 - one context or another
        return computing_in(self.recipe.precision.numbers, self.processes.device)


def _check_shares(recipe: Recipe, processes: Processes) -> None:
    images, accumulate = recipe.data.images, recipe.optimiser.accumulate
    if images % (processes.count * accumulate):
        raise ValueError(
            f"data.images is {images}, which {processes.count} processes in optimiser.accumulate = "
            f"{accumulate} parts cannot share evenly; give a multiple of "
            f"{processes.count * accumulate}"
        )


def _parts(batch: Batch, count: int) -> Iterator[Batch]:
    """Yield a batch's crops in so many parts: each takes every `count`th."""
    for first in range(count):
        points = batch.points and Points(*(each[first::count] for each in batch.points))
        yield Batch(batch.low[first::count], batch.target[first::count], points)


def _shorten(player: nn.Module, longest: float | None) -> float:
    """Shorten a gradient that is too long; return how long it was."""
    weights = [weight for weight in player.parameters() if weight.grad is not None]
    norm: Float[Tensor, ""] = nn.utils.get_total_norm([weight.grad for weight in weights])
    if longest is not None:
        nn.utils.clip_grads_with_norm_(weights, longest, norm)
    return norm.item()
