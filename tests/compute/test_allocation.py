"""Freed memory is kept while somebody wants it, and given back afterwards."""

import platform
from pathlib import Path

import pytest
import torch

from bigpicture.compute.allocation import memory_kept

resource = pytest.importorskip("resource")

BYTES = 30 * 2**20  # larger blocks stay outside of the heap
COUNT = 6

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are"
)


def fill() -> int:
    """Take blocks, write to all of them and free them; return how many pages had to be cleared."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.ones(BYTES // 4) for _ in range(COUNT)]
    del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    """Return the bytes that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_freed_memory_is_reused_and_given_back_at_last():
    with memory_kept:
        fill()
        with memory_kept:
            cleared = fill()
        cleared += fill() + fill()
        # a block or two may find no room among what other tests have left in the heap
        assert cleared < COUNT * BYTES // resource.getpagesize() / 2
        held = resident()
    assert resident() < held - 0.9 * COUNT * BYTES


def test_what_raises_within_leaves_memory_as_usual():
    with memory_kept:
        fill()
        held = resident()
        with pytest.raises(ValueError, match="within"), memory_kept:
            raise ValueError("within")
        assert resident() > held - 0.1 * COUNT * BYTES
    assert resident() < held - 0.9 * COUNT * BYTES
