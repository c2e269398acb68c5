"""Peak memory of the process and of its device."""

import sys
from contextlib import suppress
from pathlib import Path

import torch

__all__ = ["PeakMemory"]

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class PeakMemory:
    """The peak of memory in use since this object was created.

    It covers the whole process with all of its threads. Where the system cannot reset an earlier
    peak (Linux can), it is the peak since the process started.

    Args:
        device: Where networks run; on CUDA, its memory is measured as well.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        with suppress(OSError):
            _CLEAR.write_text("5")

    def of_process(self) -> int | None:
        """Return the peak of resident bytes, None if the system does not report it."""
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
        """Return the peak bytes of tensors on a CUDA device, None for other devices."""
        if self._device.type != "cuda":
            return None
        return torch.cuda.max_memory_allocated(self._device)
