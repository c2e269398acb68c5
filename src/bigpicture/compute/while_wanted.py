"""Process-wide settings that are in force while any thread wants them.

begin ──▶ previous settings        on the first entry
end   ◀── previous settings        on the last exit
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["WhileWanted"]

T = TypeVar("T")


class WhileWanted(Generic[T]):
    """A reentrant context that several threads may be in at once.

    Args:
        begin: Called on the first entry; returns the argument for `end`.
        end: Called on the last exit.
    """

    def __init__(self, begin: Callable[[], T], end: Callable[[T], object]) -> None:
        self._begin = begin
        self._end = end
        self._lock = threading.Lock()
        self._before: list[T] = []
        self._wanted_by = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._wanted_by:
                self._before.append(self._begin())
            self._wanted_by += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._wanted_by -= 1
            if not self._wanted_by:
                self._end(self._before.pop())
