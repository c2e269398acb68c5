"""Description of a published release: how to recognise its files, and how to convert them."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from bigpicture.models.contract import MOST
from bigpicture.shapes import Tensor
from bigpicture.weights.read import Tensors

__all__ = ["Converted", "Release", "bare", "count", "rename"]


class Converted(NamedTuple):
    """The tensors of a published file under our keys, and facts that these tensors do not hold.

    Attributes:
        tensors: Tensors whose keys begin with `backbone.` or `head.`.
        mean: Value per colour that the published network or its scripts subtract from pictures in
            [0, 1]; a single value applies to all colours. None if unknown, as for our own tensors.
        std: Value per colour by which they then divide; None if unknown.
        backbone: Settings of the backbone that the published file states.
        release: Name of the release; empty for our own tensors.
    """

    tensors: Tensors
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    backbone: Mapping[str, Any] = MappingProxyType({})
    release: str = ""


class Release(NamedTuple):
    """How to recognise and convert the files of one release."""

    matches: Callable[[Mapping[str, Tensor]], bool]
    """Returns whether tensors belong to this release, judged by their keys."""
    convert: Callable[[Tensors], Converted]
    """Returns the tensors converted. Raises `KeyError` if a tensor that the release always has is
    missing, and `WeightsError` if the release's network is not supported."""


def bare(tensors: Mapping[str, Tensor]) -> Tensors:
    """Return the tensors of a network as MMEditing and its relatives store it, without a prefix.

    Most files have the prefix `generator.`. Those of a training against a discriminator also hold
    the discriminator, features of losses, and the average of the generator's weights over the
    training, `generator_ema.`, which is what is to be used then.
    """
    for prefix in ("generator_ema.", "generator."):
        if own := [key for key in tensors if key.startswith(prefix)]:
            return {key.removeprefix(prefix): tensors[key] for key in own}
    return dict(tensors)


def rename(tensors: Mapping[str, Tensor], rules: Mapping[str, str]) -> Tensors:
    r"""Return tensors under new keys; the first rule that matches a whole key renames it.

    Args:
        tensors: Tensors by key. A key that no rule matches is kept, and reported as unknown later.
        rules: Regular expressions → replacements, as in `re.sub`. An empty one drops the tensor.

    >>> list(rename({"a.0.weight": Tensor([0]), "mask": Tensor([0])},
    ...             {r"a[.]([0-9]+)[.](.*)": r"blocks.\1.\2", "mask": ""}))
    ['blocks.0.weight']
    """
    renamed = {}
    for key, value in tensors.items():
        new = next(
            (re.sub(old, to, key) for old, to in rules.items() if re.fullmatch(old, key)), key
        )
        if new:
            renamed[new] = value
    return renamed


def count(tensors: Mapping[str, Tensor], pattern: str) -> int:
    """Return one more than the greatest number that the group of `pattern` matches in the keys.

    Raises:
        ValueError: If that number is implausibly large for the index of a module.

    >>> count({"body.0.x": Tensor([0]), "body.11.x": Tensor([0])}, r"body[.]([0-9]+)[.]")
    12
    """
    found = [int(match[1]) for key in tensors if (match := re.match(pattern, key))]
    greatest = max(found, default=-1)
    if greatest >= MOST:
        raise ValueError(f"a module has the number {greatest}")
    return greatest + 1
