"""What a tile holds while it waits for the others: moved to the host, or on to a file.

    tile waits      its storages ──put away──▶ host memory, beyond a limit a file; they are empty
    tile goes on    its storages ◀──taken back──

A network that waits in the midst of its work has its features in its local variables, where nobody
can exchange them. But their storages can be emptied and filled again under the tensors: so a device
needs the memory of one tile, and the host no more than it is allowed, however many tiles wait.

A storage that another tile comes to use meanwhile, such as a table that a network keeps for all
calls, is taken back at once, and left alone from then on.
"""

import ctypes
from collections import defaultdict
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any

import torch

from bigpicture.compute.each_operator import EachOperator
from bigpicture.image.spool import unnamed_file
from bigpicture.infer.storages import Storages, key_of, storages_in

__all__ = ["Attic", "Held", "Recall"]

_SMALL = 2**16  # bytes that are not worth the way


@dataclass
class _Away:
    """A storage that is kept, and where its bytes are.

    Attributes:
        storage: Emptied, unless it is `host`.
        nbytes: When it is full.
        host: Memory that has its bytes; None if a file has.
        position: In the file.
    """

    storage: torch.UntypedStorage
    nbytes: int
    host: torch.UntypedStorage | None
    position: int = 0


class Attic:
    """Where the memory of waiting tiles is.

    Args:
        limit: Bytes that may be kept in host memory; what is more goes into a file, which lies
            where large pictures do (`bigpicture.image.spool`).
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = 0
        self._away: dict[int, _Away] = {}
        self._shared: set[int] = set()
        self._file: BufferedIOBase | None = None
        self._end = 0
        self._free: defaultdict[int, list[int]] = defaultdict(list)  # positions, by size

    def put(self, storage: torch.UntypedStorage) -> None:
        """Keep what is in a storage elsewhere, and give its memory back.

        In a CPU's memory it stays where it is.

        Raises:
            OSError: If the disk has no room for it.
        """
        key, nbytes = key_of(storage), storage.nbytes()
        if nbytes < _SMALL or not storage.resizable() or key in self._shared or key in self._away:
            return
        if self._kept + nbytes > self._limit:
            position = self._write(storage)
            self._away[key] = _Away(storage, nbytes, None, position)
            storage.resize_(0)
            return
        self._kept += nbytes
        if _on_host(storage):
            self._away[key] = _Away(storage, nbytes, storage)
        else:
            host = torch.UntypedStorage(nbytes)
            self._away[key] = _Away(storage, nbytes, host.copy_(storage))
            storage.resize_(0)

    def take(self, key: int) -> None:
        """Fill a storage again, if it is away."""
        away = self._away.pop(key, None)
        if away is None:
            return
        if away.host is None:
            away.storage.resize_(away.nbytes)
            self._read(away.storage, away.position)
            return
        self._kept -= away.nbytes
        if away.host is not away.storage:
            away.storage.resize_(away.nbytes)
            away.storage.copy_(away.host)

    def use(self, values: Any) -> None:  # noqa: ANN401 - any nest of values
        """Fill the storages of tensors that another than their own tile is about to use."""
        for storage in storages_in(values) if self._away else ():
            key = key_of(storage)
            if key in self._away:
                self.take(key)
                self._shared.add(key)

    def close(self) -> None:
        """Forget all that is kept."""
        self._away.clear()
        if self._file is not None:
            self._file.close()

    def _write(self, storage: torch.UntypedStorage) -> int:
        """Write to the file, where something as large was before or at its end."""
        self._file = self._file or unnamed_file()
        nbytes = storage.nbytes()
        position = self._free[nbytes].pop() if self._free[nbytes] else self._end
        self._end = max(self._end, position + nbytes)
        try:
            self._file.seek(position)
            self._file.write(_bytes_of(storage.cpu()))
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
        here = _on_host(storage)
        host = storage if here else torch.UntypedStorage(nbytes)
        self._file.seek(position)
        found = self._file.readinto(_bytes_of(host))
        assert found == nbytes, "what was written is there"
        if not here:
            storage.copy_(host)
        self._free[nbytes].append(position)


class Recall(EachOperator):
    """Lets operators find what they use, while it is on.

    Args:
        attic: Where it may be.
    """

    def __init__(self, attic: Attic) -> None:
        super().__init__()
        self._attic = attic

    def before(self, given: Any) -> None:  # noqa: ANN401
        """Take back what the operator is about to use."""
        self._attic.use(given)


class Held(Storages):
    """What operators have made for a tile, while it is on; it can be put away and taken back.

    Args:
        attic: Where to.
    """

    def __init__(self, attic: Attic) -> None:
        super().__init__()
        self._attic = attic

    def put_away(self) -> None:
        """Give the memory back; no operator may use it on this tile's behalf until it is taken."""
        for storage in self.alive():
            self._attic.put(storage)

    def take_back(self) -> None:
        """Take all that is put away."""
        for storage in self.alive():
            self._attic.take(key_of(storage))

    def before(self, given: Any) -> None:  # noqa: ANN401
        """Take back what the operator is about to use."""
        self._attic.use(given)


def _on_host(storage: torch.UntypedStorage) -> bool:
    return storage.device.type == "cpu"


def _bytes_of(storage: torch.UntypedStorage) -> memoryview:
    """Return the memory of a storage on the CPU."""
    return memoryview((ctypes.c_char * storage.nbytes()).from_address(storage.data_ptr())).cast("B")
