"""Memory that operators free, kept for the next ones instead of given back to the system.

    with memory_kept: …      freed blocks are reused; afterwards what is free goes back at once

glibc gives the system what is free at the top of its heap, and asks for it again a moment later;
and the system clears every page of it before it hands it out. Networks free as much as they take,
layer by layer. Here the threshold from which glibc does so is raised. Blocks of 32 MB and more stay
outside of the heap, in which they would leave gaps of a size that nothing fits: they are asked for
and given back each time, which takes little in huge pages (`bigpicture.app.cli` asks for these).

PyTorch's allocators for accelerators keep memory as well. Other C libraries are left as they are.

Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
"""

import ctypes
import sys

from bigpicture.compute.while_wanted import WhileWanted

__all__ = ["give_back", "memory_kept"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of <malloc.h>
_LARGE = 2**25  # bytes


def _glibc() -> ctypes.CDLL | None:
    """Return the C library, if it is glibc."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "gnu_get_libc_version") else None


_LIBRARY = _glibc()


def give_back() -> None:
    """Let the system have what is free now; what is asked for later, it clears again."""
    if _LIBRARY is not None:
        _LIBRARY.malloc_trim(0)


def _keep() -> None:
    _set_thresholds(trim=2**28)


def _as_usual(_: None) -> None:
    _set_thresholds(trim=2 * _LARGE)  # what glibc itself comes to
    give_back()


def _set_thresholds(trim: int) -> None:
    if _LIBRARY is not None:
        _LIBRARY.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        _LIBRARY.mallopt(_M_TRIM_THRESHOLD, trim)


memory_kept = WhileWanted(_keep, _as_usual)
"""Freed memory of this process stays with it while any thread is within."""
