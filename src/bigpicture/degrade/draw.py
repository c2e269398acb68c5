"""Random choices, each taken from a generator that the caller owns.

Nothing here touches PyTorch's global generator, so what is drawn depends on the seed alone.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch

__all__ = ["chance", "choose", "integer", "seed", "shuffled", "uniform"]

T = TypeVar("T")


def uniform(generator: torch.Generator, low: int | float, high: int | float) -> float:
    """Return a number in (low, high]. `low` itself never comes, so widths from 0 are positive.

    >>> 2 < uniform(torch.Generator().manual_seed(0), 2, 3) <= 3
    True
    """
    share = torch.rand((), generator=generator, device=generator.device, dtype=torch.float64)
    return high - (high - low) * share.item()


def integer(generator: torch.Generator, low: int, high: int) -> int:
    """Return one of low, low + 1, …, high."""
    drawn = torch.randint(low, high + 1, (), generator=generator, device=generator.device)
    return int(drawn)


def chance(generator: torch.Generator, probability: int | float) -> bool:
    """Return whether something of this probability happens."""
    return uniform(generator, 0, 1) <= probability


def choose(generator: torch.Generator, options: Sequence[T] | Mapping[T, int | float]) -> T:
    """Return one of `options`: each as likely as the others, or by its weight.

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
    return max(options, key=lambda option: options[option])  # rounding left a little over


def shuffled(generator: torch.Generator, options: Sequence[T]) -> list[T]:
    """Return `options` in a random order."""
    order = torch.randperm(len(options), generator=generator, device=generator.device)
    return [options[place] for place in order.tolist()]


def seed(generator: torch.Generator) -> int:
    """Return a seed for a generator of the drawn thing's own, below 2⁶²."""
    return integer(generator, 0, 2**62 - 1)
