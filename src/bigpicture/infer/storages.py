"""The memory of tensors, as operators make and free it: how much there is, and where it lies.

    with Storages() as seen: network(x)      seen.peak, seen.alive()

Operators are watched below autograd, so that any network can be: nothing in it need know.
"""

import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["Storages", "key_of", "storages_in"]


def key_of(storage: torch.UntypedStorage) -> int:
    """Return what tells storages apart as long as they live."""
    return storage._cdata


def storages_in(values: Any) -> Iterator[torch.UntypedStorage]:  # noqa: ANN401 - any nest of values
    """Yield the storages of all tensors in values, however nested."""
    for leaf in tree_leaves(values):
        if isinstance(leaf, torch.Tensor):
            yield leaf.untyped_storage()


class Storages(TorchDispatchMode):
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

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        result = func(*args, **(kwargs or {}))
        given = {key_of(storage) for storage in storages_in((args, kwargs))}
        for made in storages_in(result):
            if key_of(made) not in self._known and key_of(made) not in given:
                self._count(made)
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = key_of(storage), storage.nbytes()
        self._known[key] = weakref.ref(storage)
        self._live += size
        self.peak = max(self.peak, self._live)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.pop(key, None)
        self._live -= size
