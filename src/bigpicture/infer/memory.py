"""How large a tile may be: what a pixel costs, by a trial run, against the memory that is free.

A network's memory is taken to grow with the pixels of its picture. That is so for convolutions and
for attention in windows; a network that compares all pixels with all others needs tiles of a given
size. What the kernels take for themselves is not seen from here, so that half of what is free is
left alone.
"""

import math
import os
import re
import sys
from pathlib import Path

import torch
from torch import nn

from bigpicture.compute.allocation import give_back
from bigpicture.infer.storages import Storages
from bigpicture.models.contract import Limits

__all__ = [
    "ENOUGH",
    "SMALLEST_TILE",
    "bytes_per_pixel",
    "fitting_tile",
    "free_bytes",
    "in_bytes",
    "is_out_of_memory",
    "surely_fits",
]

_DEAREST = 2**16  # bytes that no pixel of a published network costs
_SHARE = 0.5
_PROBE = 32
_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "ALLOC_FAILED",  # cuBLAS and cuDNN, of their workspace
    "bad_alloc",  # C++
)
ENOUGH = 2**30
"""Bytes from which on larger tiles are hardly quicker on a CPU: more of a tile than of its halo."""
SMALLEST_TILE = 32
"""Pixels of a tile's side. Smaller ones would be nothing but halo."""


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
        height: Of the low-resolution picture, in pixels.
        width: As `height`.
        halo: Pixels on each side of a tile.
        pixel_cost: Bytes that a low-resolution pixel costs.
        free: Bytes that may be had.
        enough: Bytes that a tile is not to exceed, though it might.
        unit: What edges of tiles and windows are divisible by: halos are rounded up to it.

    Returns:
        At least `SMALLEST_TILE`; else a multiple of `unit`.

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
    """Return what each low-resolution pixel adds to the peak of the tensors of a run in float32.

    Two small pictures are run, one twice as wide, so that what does not grow cancels out.
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
    """Return a number of bytes, which may be said as "500M" or "2G" (of 2¹⁰ K each).

    Raises:
        ValueError: If it is none, or not above 0.

    >>> in_bytes("1.5G"), in_bytes(4096)
    (1610612736, 4096)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", str(budget), re.IGNORECASE)
    size = float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ") if match else 0
    if size < 1:
        raise ValueError(f"memory must be bytes, or such as '500M' or '2G', not {budget!r}")
    return int(size)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether `error` says that memory could not be had, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and any(sign in said for sign in _OUT_OF_MEMORY)


def surely_fits(pixels: int, free: int) -> bool:
    """Return whether so many low-resolution pixels need no trial run to know that they fit."""
    return pixels * _DEAREST <= _SHARE * free


def free_bytes(device: torch.device) -> int:
    """Return how much memory may still be had on `device`."""
    if device.type == "cuda":
        # what PyTorch holds but does not use is free to it
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
    """Return what the control group, v2 or v1, leaves to this process."""
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
        except (OSError, ValueError):  # there is none, or its limit is "max"
            continue
        # files that were read are counted as taken until the memory is needed
        idle = _numbers(folder / kinds).get(cached, 0)
        return max(limit - taken + idle, 2**28)
    return sys.maxsize


def _numbers(file: Path) -> dict[str, int]:
    """Return the numbers that a file of the kernel's has, by the words before them."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}
