"""A cache of memory-mapped arrays, from which a crop is read without the rest of its picture.

    make() ──once──▶ cache/NAME.npy ──mapped──▶ (h, w, 3) uint8

A file gets its name only once it is complete; a truncated or unreadable one is made again.
"""

import io
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from bigpicture.image.save import save

__all__ = ["high_file", "is_kept", "keep", "mapped"]


# NumPy parses headers with ast, whose recursion depth is counted over all threads: when two threads
# parse at once, CPython 3.11 sometimes raises "AST constructor recursion depth mismatch".
_one_header_at_a_time = threading.Lock()


def high_file(cache: Path, key: str) -> Path:
    """Return the file that holds a picture's decoded pixels."""
    return cache / f"{key}.high.npy"


def is_kept(file: Path) -> bool:
    """Return whether a file holds a complete array."""
    return _whole(file) is not None


def keep(file: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return the array in a file, making and storing it first if there is none."""
    kept = _whole(file)
    if kept is not None:
        return kept
    made = np.ascontiguousarray(make())
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(made))
    save(file, [header.getvalue(), made.data])
    return _map(file)


# Each map holds one of the thousand descriptors that a process may have; reopening takes 0.1 ms.
@lru_cache(maxsize=256)
def mapped(file: Path) -> np.ndarray:
    """Return an array whose bytes are read from its file as they are used."""
    return _map(file)


def _whole(file: Path) -> np.ndarray | None:
    try:
        return _map(file)
    except (FileNotFoundError, ValueError, EOFError):  # the latter two: not a complete array
        return None


def _map(file: Path) -> np.ndarray:
    with _one_header_at_a_time:
        return np.load(file, mmap_mode="r")
