"""Tracking the memory of tensors as operators allocate and free it: its peak, and what is alive.

    with Storages() as seen: network(x)      seen.peak, seen.alive()

This works for any network, unchanged.
"""

import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from bigpicture.compute.each_operator import EachOperator

__all__ = ["Storages", "key_of", "storages_in"]


def key_of(storage: torch.UntypedStorage) -> int:
    """Return a key that identifies a storage as long as it lives."""
    return storage._cdata


def storages_in(values: Any) -> Iterator[torch.UntypedStorage]:  # noqa: ANN401 - any nest of values
    """Yield the storages of all tensors in `values`, however nested."""
    for leaf in tree_leaves(values):
        if isinstance(leaf, torch.Tensor):
            yield leaf.untyped_storage()


class Storages(EachOperator):
    """Tracks, while active, the storages that operators allocate, for as long as these live.

    Attributes:
        peak: Most bytes that were allocated at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._live = 0
        self._known: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def alive(self) -> list[torch.UntypedStorage]:
        """Return the tracked storages that still exist."""
        found = (known() for known in list(self._known.values()))
        return [storage for storage in found if storage is not None]

    def after(self, operator: Any, given: Any, made: Any) -> None:  # noqa: ANN401
        """Count the memory that the operator has allocated for its result."""
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
