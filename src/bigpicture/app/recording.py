"""What is worth telling of a piece of work: its warnings, whichever thread it is in, its memory.

Python's own recording of warnings is one for all threads; here each piece of work has its list.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import torch

_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)
_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


@contextmanager
def warnings_told_apart(*kinds: type[Warning]) -> Iterator[None]:
    """Let warnings of some kinds go to the list of the work that they arise in.

    Args:
        kinds: Others, and those outside of any work, are shown as usual.
    """
    with warnings.catch_warnings():
        for kind in kinds:
            warnings.simplefilter("always", kind)
        shown = warnings.showwarning

        def hear(message: Warning | str, category: type[Warning], *rest: Any) -> None:  # noqa: ANN401
            heard = _heard.get()
            if heard is None or not issubclass(category, kinds):
                shown(message, category, *rest)
            elif str(message) not in heard:
                heard.append(str(message))

        warnings.showwarning = hear
        yield


@contextmanager
def heard_in(heard: list[str]) -> Iterator[None]:
    """Collect the warnings of a piece of work in a list."""
    token = _heard.set(heard)
    try:
        yield
    finally:
        _heard.reset(token)


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
