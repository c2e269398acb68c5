"""The memory of tensors, as operators make and free it: how much there is, and where it lies.

    with Storages() as seen: network(x)      seen.peak, seen.alive()

A network need not know of it.
"""

import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from bigpicture.compute.each_operator import EachOperator

__all__ = ["Storages", "key_of", "storages_in"]


def key_of(storage: torch.UntypedStorage) -> int:
    """Return what tells storages apart as long as they live."""
    return storage._cdata


def storages_in(values: Any) -> Iterator[torch.UntypedStorage]:  # noqa: ANN401 - any nest of values
    """Yield the storages of all tensors in values, however nested."""
    for leaf in tree_leaves(values):
        if isinstance(leaf, torch.Tensor):
            yield leaf.untyped_storage()


class Storages(EachOperator):
    """Knows the memory that operators have taken while it is on, as long as that lives.

    Attributes:
        peak: Most bytes that there were at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._live = 0
        self._known: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def alive(self) -> list[torch.UntypedStorage]:
        """Return what has been made and is still there."""
        found = (known() for known in list(self._known.values()))
        return [storage for storage in found if storage is not None]

    def after(self, operator: Any, given: Any, made: Any) -> None:  # noqa: ANN401
        """Count the memory that the operator has taken for its result."""
        had = {key_of(storage) for storage in storages_in(given)}
        for storage in storages_in(made):
            if key_of(storage) not in self._known and key_of(storage) not in had:
                self._count(storage)

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = key_of(storage), storage.nbytes()
        self._known[key] = weakref.ref(storage)
        self._live += size
        self.peak = max(self.peak, self._live)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.pop(key, None)
        self._live -= size
