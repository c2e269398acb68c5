"""Storing the features of a tile while it waits for the others: in host memory, or in a file.

    tile waits      its storages ──put away──▶ host memory, beyond a limit a file; they are empty
    tile goes on    its storages ◀──taken back──

A network that waits in the middle of its work has its features in its local variables, where they
cannot be replaced. But their storages can be emptied and refilled underneath the tensors: so a
device needs the memory of one tile, and the host no more than allowed, however many tiles wait.

If another tile uses a storage meanwhile, such as a table that a network caches for all calls, the
storage is taken back at once, and never put away again.
"""

import ctypes
import weakref
from collections import defaultdict
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any

import torch

from bigpicture.compute.each_operator import EachOperator
from bigpicture.image.spool import unnamed_file
from bigpicture.infer.storages import Storages, key_of, storages_in

__all__ = ["Attic", "Held", "Recall"]

_SMALL = 2**16  # bytes that are not worth moving


@dataclass
class _Away:
    """Where the bytes of a storage are that was put away.

    Attributes:
        nbytes: Its size when filled.
        host: Host memory with its bytes, which may be the storage itself; None if they are in the
            file.
        position: Position of its bytes in the file.
    """

    nbytes: int
    host: torch.UntypedStorage | None
    position: int = 0


class Attic:
    """The store for the memory of waiting tiles.

    Args:
        limit: Bytes to keep in host memory; the rest goes into a file, which lies where large
            pictures do (`bigpicture.image.spool`).
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = 0
        self._away: dict[int, tuple[torch.UntypedStorage, _Away]] = {}
        self._shared: set[int] = set()
        self._file: BufferedIOBase | None = None
        self._end = 0
        self._free: defaultdict[int, list[int]] = defaultdict(list)  # positions, by size

    def put(self, storage: torch.UntypedStorage) -> None:
        """Move the content of a storage elsewhere, and free its memory.

        Within the limit, storages in CPU memory stay where they are.

        Raises:
            OSError: If the disk has no room for it.
        """
        key, nbytes = key_of(storage), storage.nbytes()
        if nbytes < _SMALL or not storage.resizable() or key in self._shared or key in self._away:
            return
        if self._kept + nbytes > self._limit:
            away = _Away(nbytes, None, self._write(storage))
        else:
            self._kept += nbytes
            away = _Away(nbytes, _to_host(storage))
        self._away[key] = storage, away
        if away.host is not storage:
            storage.resize_(0)

    def take(self, key: int) -> None:
        """Refill a storage, if it was put away."""
        if key in self._away:
            self._refill(*self._away.pop(key))

    def use(self, values: Any) -> None:  # noqa: ANN401 - any nest of values
        """Refill the storages of tensors that a tile other than their own is about to use."""
        for storage in storages_in(values) if self._away else ():
            key = key_of(storage)
            if key in self._away:
                self.take(key)
                self._shared.add(key)

    def close(self) -> None:
        """Discard what was put away, once the tiles that used it are gone.

        What is still used is refilled, such as a table that a network made for all of its calls.
        """
        while self._away:
            storage, away = self._away.popitem()[1]
            used = weakref.ref(storage)
            del storage
            if (storage := used()) is not None:
                self._refill(storage, away)
        if self._file is not None:
            self._file.close()

    def _refill(self, storage: torch.UntypedStorage, away: _Away) -> None:
        if away.host is not None:
            self._kept -= away.nbytes
        if away.host is storage:
            return
        storage.resize_(away.nbytes)
        if away.host is None:
            self._read(storage, away.position)
        else:
            storage.copy_(away.host)

    def _write(self, storage: torch.UntypedStorage) -> int:
        """Write to the file, at a free position of this size or at its end; return the position."""
        self._file = self._file or unnamed_file()
        nbytes = storage.nbytes()
        position = self._free[nbytes].pop() if self._free[nbytes] else self._end
        self._end = max(self._end, position + nbytes)
        try:
            self._file.seek(position)
            host = _to_host(storage)  # kept, as its bytes are only a view
            self._file.write(_bytes_of(host))
            self._file.flush()
        except OSError as error:
            raise OSError(
                f"{error}: the features of waiting tiles take more than the "
                f"{(self._kept + self._end) / 2**30:.1f} GiB that memory and disk have for them; "
                "take context='shared', or put the result on another disk"
            ) from error
        return position

    def _read(self, storage: torch.UntypedStorage, position: int) -> None:
        assert self._file is not None
        nbytes = storage.nbytes()
        host = storage if _on_host(storage) else torch.UntypedStorage(nbytes)
        self._file.seek(position)
        found = self._file.readinto(_bytes_of(host))
        assert found == nbytes, "what was written is there"
        if host is not storage:
            storage.copy_(host)
        self._free[nbytes].append(position)


class Recall(EachOperator):
    """Refills, while active, the storages that operators use.

    Args:
        attic: Where these may have been put away.
    """

    def __init__(self, attic: Attic) -> None:
        super().__init__()
        self._attic = attic

    def before(self, given: Any) -> None:  # noqa: ANN401
        """Take back what the operator is about to use."""
        self._attic.use(given)


class Held(Storages):
    """The storages that operators make for a tile while active, to put away and take back.

    Args:
        attic: Where to put them away.
    """

    def __init__(self, attic: Attic) -> None:
        super().__init__()
        self._attic = attic

    def put_away(self) -> None:
        """Put all storages away; this tile must not use them until they are taken back."""
        for storage in self.alive():
            self._attic.put(storage)

    def take_back(self) -> None:
        """Take all storages back that were put away."""
        for storage in self.alive():
            self._attic.take(key_of(storage))

    def before(self, given: Any) -> None:  # noqa: ANN401
        """Take back what the operator is about to use."""
        self._attic.use(given)


def _on_host(storage: torch.UntypedStorage) -> bool:
    return storage.device.type == "cpu"


def _to_host(storage: torch.UntypedStorage) -> torch.UntypedStorage:
    """Return a storage if it is in host memory, else a copy of it there."""
    if _on_host(storage):
        return storage
    return torch.UntypedStorage(storage.nbytes()).copy_(storage)


def _bytes_of(storage: torch.UntypedStorage) -> memoryview:
    """Return a view of the memory of a storage on the CPU, valid as long as the storage lives."""
    return memoryview((ctypes.c_char * storage.nbytes()).from_address(storage.data_ptr())).cast("B")
