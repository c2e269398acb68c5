"""The most memory that was in use at once."""

import sys
from contextlib import suppress
from pathlib import Path

import torch

__all__ = ["PeakMemory"]

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class PeakMemory:
    """The most memory that was in use at once since this was made.

    Of the process, which other threads are part of; where the system cannot forget an earlier
    peak (it can on Linux), since the process began.

    Args:
        device: Where networks run; on CUDA, its memory is watched as well.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        with suppress(OSError):
            _CLEAR.write_text("5")

    def of_process(self) -> int | None:
        """Return bytes that were resident, None where the system does not say."""
        with suppress(OSError):
            for line in _STATUS.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        try:
            import resource
        except ImportError:  # Windows
            return None
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

    def of_device(self) -> int | None:
        """Return bytes of tensors on the device, None if that is the processor."""
        if self._device.type != "cuda":
            return None
        return torch.cuda.max_memory_allocated(self._device)
