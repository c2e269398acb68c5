"""How large a tile may be: the memory per pixel, from a trial run, against the free memory.

A network's memory is assumed to grow in proportion to the pixels of its picture. This holds for
convolutions and for attention in windows; a network that compares all pixels with all others needs
an explicit tile size. The kernels' own working memory cannot be measured here, so half of the free
memory is left unused.
"""

import math
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from bigpicture.compute.allocation import give_back
from bigpicture.infer.storages import Storages
from bigpicture.models.contract import Limits

__all__ = [
    "ENOUGH",
    "SMALLEST_TILE",
    "advising",
    "bytes_per_pixel",
    "fitting_tile",
    "free_bytes",
    "in_bytes",
    "is_out_of_memory",
    "surely_fits",
]

_DEAREST = 2**16  # bytes, more than a pixel costs in any published network
_SHARE = 0.5
_PROBE = 32
_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "ALLOC_FAILED",  # cuBLAS and cuDNN, for their workspace
    "bad_alloc",  # C++
)
ENOUGH = 2**30
"""Bytes beyond which larger tiles are hardly faster on a CPU, as halos are a small part of them."""
SMALLEST_TILE = 32
"""Least side of a tile in pixels. Smaller ones would be mostly halo."""


def fitting_tile(
    height: int,
    width: int,
    halo: int,
    pixel_cost: float | int,
    free: float | int,
    enough: float | int = math.inf,
    unit: int = 1,
) -> int | None:
    """Return the side of the largest tile whose window fits, None if the whole picture does.

    Args:
        height: Height of the low-resolution picture, in pixels.
        width: Its width.
        halo: Pixels on each side of a tile.
        pixel_cost: Bytes per low-resolution pixel.
        free: Bytes that are available; half of them are used.
        enough: Bytes that a tile should not exceed even if more are available.
        unit: Edges of tiles and windows are multiples of this: halos are rounded up to it.

    Returns:
        A multiple of `unit`, or `SMALLEST_TILE` if that is larger.

    >>> fitting_tile(1000, 1000, halo=32, pixel_cost=1000, free=2**30)
    668
    """
    pixels = _SHARE * free / pixel_cost
    if height * width <= pixels:
        return None
    pixels = min(pixels, enough / pixel_cost)
    units = math.isqrt(int(pixels)) // unit - 2 * -(-halo // unit)
    return max(SMALLEST_TILE, units * unit)


def bytes_per_pixel(network: nn.Module, limits: Limits, device: torch.device) -> float:
    """Return the bytes that each low-resolution pixel adds to the peak of tensors, in float32.

    Runs two small pictures, one twice as wide as the other, so that constant memory cancels out.
    """
    side = -(-max(_PROBE, limits.smallest) // limits.multiple) * limits.multiple
    peaks = []
    with torch.inference_mode():
        for width in (side, 2 * side):
            picture = torch.zeros(1, limits.colours, side, width, device=device)
            with Storages() as seen:
                network(picture)
            peaks.append(seen.peak)
    return max((peaks[1] - peaks[0]) / side**2, 1.0)


def in_bytes(budget: int | str) -> int:
    """Return a number of bytes, which may be given as "500M" or "2G" (in powers of 1024).

    Raises:
        ValueError: If it is not a number of bytes, or below 1.

    >>> in_bytes("1.5G"), in_bytes(4096)
    (1610612736, 4096)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", str(budget), re.IGNORECASE)
    size = float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ") if match else 0
    if size < 1:
        raise ValueError(f"memory must be bytes, or such as '500M' or '2G', not {budget!r}")
    return int(size)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether `error` means that memory ran out, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and any(sign in said for sign in _OUT_OF_MEMORY)


@contextmanager
def advising(work: str, advice: str) -> Iterator[None]:
    """Turn a lack of memory inside the context into advice.

    Args:
        work: What does not fit into memory.
        advice: What to change.

    Raises:
        ValueError: If memory runs out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        said = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{work} does not fit into memory ({said}); {advice}") from error


def surely_fits(pixels: int, free: int) -> bool:
    """Return whether this many low-resolution pixels are sure to fit, without a trial run."""
    return pixels * _DEAREST <= _SHARE * free


def free_bytes(device: torch.device) -> int:
    """Return how many bytes of memory are available on `device`."""
    if device.type == "cuda":
        # memory that PyTorch has reserved but not allocated is available to it
        idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + idle
    give_back()
    if sys.platform == "linux":
        return min(_available_on_linux(), _left_in_container())
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4 * 2**30


def _available_on_linux() -> int:
    return _numbers(Path("/proc/meminfo")).get("MemAvailable:", 4 * 2**20) * 1024


def _left_in_container(folder: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes that the control group, v2 or v1, leaves to this process."""
    for most, used, kinds, cached in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "total_inactive_file",
        ),
    ):
        try:
            limit, taken = (int((folder / name).read_text()) for name in (most, used))
        except (OSError, ValueError):  # no such group, or its limit is "max"
            continue
        # cached files count as used until the memory is needed
        idle = _numbers(folder / kinds).get(cached, 0)
        return max(limit - taken + idle, 2**28)
    return sys.maxsize


def _numbers(file: Path) -> dict[str, int]:
    """Return the numbers in a kernel status file, keyed by the words before them."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}
