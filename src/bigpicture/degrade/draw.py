"""Random choices from a generator that the caller owns.

Nothing here touches PyTorch's global generator, so the choices depend on the seed alone.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch

__all__ = ["chance", "choose", "integer", "seed", "shuffled", "uniform"]

T = TypeVar("T")


def uniform(generator: torch.Generator, low: int | float, high: int | float) -> float:
    """Return a number in (low, high]; `low` is excluded, so that no width from 0 on is 0.

    >>> 2 < uniform(torch.Generator().manual_seed(0), 2, 3) <= 3
    True
    """
    share = torch.rand((), generator=generator, device=generator.device, dtype=torch.float64)
    return high - (high - low) * share.item()


def integer(generator: torch.Generator, low: int, high: int) -> int:
    """Return one of the integers low, low + 1, …, high."""
    drawn = torch.randint(low, high + 1, (), generator=generator, device=generator.device)
    return int(drawn)


def chance(generator: torch.Generator, probability: int | float) -> bool:
    """Return True with the given probability."""
    return uniform(generator, 0, 1) <= probability


def choose(generator: torch.Generator, options: Sequence[T] | Mapping[T, int | float]) -> T:
    """Return one of `options`: all equally likely, or by the weights of a mapping.

    >>> choose(torch.Generator().manual_seed(0), {"never": 0, "always": 1})
    'always'
    """
    if not isinstance(options, Mapping):
        return options[integer(generator, 0, len(options) - 1)]
    left = uniform(generator, 0, sum(options.values()))
    for option, weight in options.items():
        left -= weight
        if left <= 0 and weight > 0:
            return option
    return max(options, key=lambda option: options[option])  # only if rounding left a remainder


def shuffled(generator: torch.Generator, options: Sequence[T]) -> list[T]:
    """Return `options` in a random order."""
    order = torch.randperm(len(options), generator=generator, device=generator.device)
    return [options[place] for place in order.tolist()]


def seed(generator: torch.Generator) -> int:
    """Return a seed for another generator, below 2⁶²."""
    return integer(generator, 0, 2**62 - 1)
