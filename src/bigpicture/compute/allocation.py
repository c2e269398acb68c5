"""Keep memory that operators free for the next ones, instead of returning it to the system.

    with memory_kept: …      freed blocks are reused; on exit, free memory is returned at once

glibc returns free memory at the top of its heap to the system, only to request it again a moment
later, and the system clears every page before handing it out. Networks free as much as they
allocate, layer by layer. This module raises the threshold above which glibc does so. Blocks of
32 MB and more stay outside the heap, where they would leave gaps that nothing fits: they are
requested and returned each time, which is cheap with huge pages (`bigpicture.app.cli` asks for
them).

PyTorch's allocators for accelerators keep memory as well. Other C libraries are left unchanged.

Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
"""

import ctypes
import sys

from bigpicture.compute.while_wanted import WhileWanted

__all__ = ["give_back", "memory_kept"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of <malloc.h>
_LARGE = 2**25  # bytes


def _glibc() -> ctypes.CDLL | None:
    """Return the C library if it is glibc, else None."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "gnu_get_libc_version") else None


_LIBRARY = _glibc()


def give_back() -> None:
    """Return free memory to the system, which must clear it again for later allocations."""
    if _LIBRARY is not None:
        _LIBRARY.malloc_trim(0)


def _keep() -> None:
    _set_thresholds(trim=2**28)


def _as_usual(_: None) -> None:
    _set_thresholds(trim=2 * _LARGE)  # the value that glibc itself arrives at
    give_back()


def _set_thresholds(trim: int) -> None:
    if _LIBRARY is not None:
        _LIBRARY.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        _LIBRARY.mallopt(_M_TRIM_THRESHOLD, trim)


memory_kept = WhileWanted(_keep, _as_usual)
"""Context in which the process keeps its freed memory, as long as any thread is inside."""
