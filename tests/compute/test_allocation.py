"""Freed memory is kept while somebody wants it, and given back afterwards."""

import platform
import subprocess
import sys
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
    """Take blocks, write to all of them and free them; return how many bytes had to be cleared."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.ones(BYTES // 4) for _ in range(COUNT)]
    del blocks
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return faults * resource.getpagesize()


def resident() -> int:
    """Return the bytes that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def reuse() -> None:
    """Print how much was cleared again, was held, and is held at last."""
    with memory_kept:
        fill()
        with memory_kept:
            for _ in range(4):  # until the heap has found its size
                fill()
        cleared, held = fill(), resident()
    print(cleared, held, resident())  # noqa: T201


def fail_within() -> None:
    """Print how much was held before an exception, after it, and is held at last."""
    with memory_kept:
        fill()
        before = resident()
        with pytest.raises(ValueError, match="within"), memory_kept:
            raise ValueError("within")
        held = resident()
    print(before, held, resident())  # noqa: T201


def alone(name: str) -> list[int]:
    """Return what a function of this file prints in a process of its own, whose heap is tidy."""
    code = f"import test_allocation; test_allocation.{name}()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [int(number) for number in done.stdout.split()]


def test_freed_memory_is_reused_and_given_back_at_last():
    cleared, held, at_last = alone("reuse")
    assert cleared < COUNT * BYTES / 2  # some may not fit where the last ones were
    assert at_last < held - 0.9 * COUNT * BYTES


def test_what_raises_within_leaves_memory_as_usual():
    before, held, at_last = alone("fail_within")
    assert held > before - 0.1 * COUNT * BYTES
    assert at_last < held - 0.9 * COUNT * BYTES
