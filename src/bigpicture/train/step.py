"""One step of training.

batch ──network──▶ losses ──backward──▶ gradient ──Adam──▶ weights ──▶ average

in `accumulate` parts, on all processes          once, if all numbers are finite
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from bigpicture.data.batch import Batch, Points
from bigpicture.infer.memory import advising
from bigpicture.infer.precision import computing_in
from bigpicture.shapes import Tensor
from bigpicture.train.checkpoint import Run
from bigpicture.train.objective import objective
from bigpicture.train.processes import Processes
from bigpicture.train.recipe import Recipe
from bigpicture.train.render import Renderer, reference_of
from bigpicture.train.schedule import rate_at

__all__ = ["Learner", "Outcome"]

_LEAST_SCALE = 1.0  # of the loss in fp16: below, its small range is not what breaks gradients


class Outcome(NamedTuple):
    """The result of a step.

    Attributes:
        losses: Losses by name, without their weights.
        rate: Learning rate.
        broken: Losses that are not finite, or "gradient" if only that is not; the step has then
            changed nothing.
    """

    losses: dict[str, float]
    rate: float
    broken: list[str]


class Learner:
    """Makes steps: calls the network and its losses, and updates all that learns.

    Args:
        recipe: Losses, optimiser and precision.
        run: The parts that learn.
        processes: The processes that take part.

    Raises:
        ImportError: If a loss needs a package that is not installed.
        OSError: If a loss needs weights that cannot be downloaded.
        ValueError: If a loss is given a layer that does not exist, or the crops of a batch cannot
            be shared out evenly.
    """

    def __init__(self, recipe: Recipe, run: Run, processes: Processes) -> None:
        self.recipe, self.run, self.processes = recipe, run, processes
        _check_shares(recipe, processes)
        self.objective = objective(recipe.losses).to(processes.device)
        renderer = Renderer(run.network)
        if recipe.precision.compile:
            renderer.compile()
        self._render = processes.join(renderer)
        self._players: list[tuple[nn.Module, Optimizer]] = [(run.network, run.optimiser)]
        if run.adversary is not None:
            self._discriminator = processes.join(run.adversary.network)
            self._players.append((run.adversary.network, run.adversary.optimiser))
        self._statistics = [
            buffer
            for module in run.network.modules()
            if isinstance(module, _BatchNorm)
            for buffer in module.buffers()
        ]
        if run.adversary is not None:
            self._statistics += run.adversary.network.buffers()  # its kernels' singular vectors

    @advising(
        "a step",
        "turn on precision.recompute, raise optimiser.accumulate, or lower data.images or "
        "data.patch",
    )
    def step(self, index: int, batch: Batch) -> Outcome:
        """Learn from the batch of a step.

        Args:
            index: Number of the step, counted from 0.
            batch: This process's share of the batch, on its device.

        Raises:
            ValueError: If the step does not fit into memory.
        """
        # What networks draw themselves, such as dropped paths, is a function of the step, too.
        torch.manual_seed(hash((self.recipe.data.seed, index, self.processes.index)))
        rate = self._set_rate(index)
        statistics = [buffer.clone() for buffer in self._statistics]
        parts = self.recipe.optimiser.accumulate
        sums: dict[str, Tensor] = {}
        for number, part in enumerate(_parts(batch, parts)):
            for name, loss in self._add_gradients(part, number == 0, number == parts - 1).items():
                sums[name] = sums.get(name, 0.0) + loss / parts
        values = self.processes.mean(torch.stack(list(sums.values()))).tolist()
        losses = dict(zip(sums, values, strict=True))
        broken = self._update(losses)
        if broken:
            for buffer, before in zip(self._statistics, statistics, strict=True):
                buffer.copy_(before)
        return Outcome(losses, rate, broken)

    def _set_rate(self, index: int) -> float:
        rate = rate_at(index, self.recipe.optimiser)
        for group in self.run.optimiser.param_groups:
            group["lr"] = rate
        if self.run.adversary is not None:
            self.run.adversary.set_rate(rate)
        return rate

    def _add_gradients(self, part: Batch, first: bool, last: bool) -> dict[str, Tensor]:
        """Accumulate the gradients of a part of the batch; return its losses."""
        adversary, reference = self.run.adversary, reference_of(part)
        with self._joined(self._render, last):
            with self._computing():
                size = (reference.shape[-2], reference.shape[-1])
                restored = self._render(part.low, size, part.points)
            total, losses = self.objective(restored, reference)
            if adversary is not None:
                with self._computing():
                    losses["generator"] = adversary.judge(restored)
                total = total + adversary.weight * losses["generator"]
            self._backward(total)
        if adversary is not None:
            judge = self._discriminator
            with self._joined(judge, last):
                with self._computing():
                    loss = adversary.judge_apart(judge, reference, restored, begins=first)
                self._backward(loss)
            losses["discriminator"] = loss
        return {name: loss.detach() for name, loss in losses.items()}

    def _backward(self, loss: Tensor) -> None:
        self.run.scaler.scale(loss / self.recipe.optimiser.accumulate).backward()

    def _update(self, losses: dict[str, float]) -> list[str]:
        """Update all that learns, if all numbers are finite; return which are not."""
        run, scaler = self.run, self.run.scaler
        broken = [name for name, loss in losses.items() if not math.isfinite(loss)]
        if not broken:
            finite, scale = self._shorten_gradients(), scaler.get_scale()
            for _, optimiser in self._players if finite else ():
                scaler.step(optimiser)
            scaler.update()
            if finite:
                run.average.update_parameters(run.network)
            elif not _LEAST_SCALE <= scaler.get_scale() < scale:  # not just too large for fp16
                broken = ["gradient"]
        for _, optimiser in self._players:
            optimiser.zero_grad()
        return broken

    def _shorten_gradients(self) -> bool:
        """Clip gradients that are too long; return whether they are finite."""
        norms = []
        for player, optimiser in self._players:
            self.run.scaler.unscale_(optimiser)
            gradients = [w.grad for w in player.parameters() if w.grad is not None]
            norms.append(nn.utils.get_total_norm(gradients))
            if (longest := self.recipe.optimiser.clip) is not None:
                nn.utils.clip_grads_with_norm_(player.parameters(), longest, norms[-1])
        return all(math.isfinite(norm.item()) for norm in norms)

    def _joined(self, module: nn.Module, last: bool) -> AbstractContextManager[object]:
        """Return a context in which processes average gradients, but only after the last part."""
        return nullcontext() if last else self.processes.apart(module)

    def _computing(self) -> AbstractContextManager[object]:
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
    """Yield a batch's crops in `count` parts, each with every `count`th crop."""
    for first in range(count):
        points = batch.points and Points(*(each[first::count] for each in batch.points))
        yield Batch(batch.low[first::count], batch.target[first::count], points)
