"""What a published release is to us: a way to tell its files, and a way to read them."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from bigpicture.shapes import Tensor
from bigpicture.weights.read import Tensors

__all__ = ["Converted", "Release", "bare", "count", "rename"]

_MOST = 9999
"""Greatest number of a module; whoever looked for as many as a hostile file says, would not end."""


class Converted(NamedTuple):
    """A published file's tensors under our keys, and what its files leave to the code beside them.

    Attributes:
        tensors: Keys begin with `backbone.` or `head.`.
        mean: Per colour, what the published network or its scripts subtract from pictures in
            [0, 1]; one value is meant for every colour. None for our own, which do not tell.
        std: Per colour, what they divide by then; None likewise.
        backbone: Settings of the backbone that the file states and our tensors do not.
        release: Whose file it is; empty for our own.
    """

    tensors: Tensors
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    backbone: Mapping[str, Any] = MappingProxyType({})
    release: str = ""


class Release(NamedTuple):
    """How one release names its tensors."""

    matches: Callable[[Mapping[str, Tensor]], bool]
    """Whether a file is of this release, by its keys."""
    convert: Callable[[Tensors], Converted]
    """Raises `KeyError` for a tensor that the release always has, and `WeightsError` for one of its
    networks that is none of ours."""


def bare(tensors: Mapping[str, Tensor]) -> Tensors:
    """Return tensors of MMEditing and its kin as the network calls them that generates pictures."""
    return {key.removeprefix("generator."): value for key, value in tensors.items()}


def rename(tensors: Mapping[str, Tensor], rules: Mapping[str, str]) -> Tensors:
    r"""Return tensors under new keys; the first rule that matches a whole key renames it.

    Args:
        tensors: By key. A key that no rule matches is kept, so that it is named as unknown later.
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
    """Return one more than the greatest number that the group of `pattern` finds in the keys.

    Raises:
        ValueError: If it is greater than that of any module that there could be.

    >>> count({"body.0.x": Tensor([0]), "body.11.x": Tensor([0])}, r"body[.]([0-9]+)[.]")
    12
    """
    found = [int(match[1]) for key in tensors if (match := re.match(pattern, key))]
    greatest = max(found, default=-1)
    if greatest > _MOST:
        raise ValueError(f"a module has the number {greatest}")
    return greatest + 1
