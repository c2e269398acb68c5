"""Memory that operators free, kept for the next ones instead of given back to the system.

    with memory_kept: …      freed blocks are reused; afterwards what is free goes back at once

glibc asks the system for each large block, and gives it back as soon as it is free; and the system
clears every page of a block before it hands it out. Networks free as much as they take, layer by
layer, so on a picture of 512² more than half of U-HDN's time is spent on clearing pages. Here the
thresholds from which glibc does so are raised beyond what tensors have. More is resident meanwhile:
a heap that blocks of many sizes come and go on has gaps.

PyTorch's allocators for accelerators do the same. Other C libraries are left as they are.

Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
"""

import ctypes
import sys

from bigpicture.compute.while_wanted import WhileWanted

__all__ = ["give_back", "memory_kept"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of <malloc.h>


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
    if _LIBRARY is not None:
        _LIBRARY.mallopt(_M_MMAP_THRESHOLD, 2**30)
        _LIBRARY.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def _as_usual(_: None) -> None:
    if _LIBRARY is not None:
        # what glibc itself comes to, once blocks of 32 MB have been freed
        _LIBRARY.mallopt(_M_MMAP_THRESHOLD, 2**25)
        _LIBRARY.mallopt(_M_TRIM_THRESHOLD, 2**26)
    give_back()


memory_kept = WhileWanted(_keep, _as_usual)
"""Freed memory of this process stays with it while any thread is within."""
