"""The processes that train one network together, seen from one of them.

    gradient = mean over n processes, each with its share of a batch: crops k, k + n, k + 2n, …

A single process needs no setup. `accelerate launch -m bigpicture train RECIPE` starts several: one
for each GPU, or as many as requested on CPUs. The first one writes, validates and prints.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

import torch
from torch import nn

from bigpicture.infer.device import choose_device
from bigpicture.shapes import Float, Tensor

if TYPE_CHECKING:
    from accelerate import Accelerator

__all__ = ["Processes"]

_PATIENCE = timedelta(hours=6)  # how long others wait while the first decodes pictures or validates


class Processes:
    """All processes of a run, seen from this one.

    Args:
        device: `auto`, `cpu`, `cuda` or `mps`. Several processes get a GPU each.

    Attributes:
        device: Where this process computes.
        count: Number of processes.
        index: Index of this process.

    Raises:
        ValueError: If there is no such device, or several processes cannot have one each.
        ImportError: If there are several and accelerate is not installed.
    """

    def __init__(self, device: str) -> None:
        self._together: Accelerator | None = None
        self.count, self.index = 1, 0
        started = int(os.environ.get("WORLD_SIZE", "1"))
        if started == 1:
            self.device = choose_device(device)
            return
        self._together = _joined(device, started)
        self.device = self._together.device
        self.count, self.index = self._together.num_processes, self._together.process_index

    @property
    def main(self) -> bool:
        """Whether this is the process that writes, validates and prints."""
        return self.index == 0

    @property
    def share(self) -> tuple[int, int]:
        """Which crops of a batch are this process's: `index`, `index` + `count`, …."""
        return self.index, self.count

    def join(self, module: nn.Module) -> nn.Module:
        """Return a module that averages its gradients over all processes."""
        return module if self._together is None else self._together.prepare_model(module)

    def apart(self, joined: nn.Module) -> AbstractContextManager[object]:
        """Return a context in which a joined module's gradients are added up, but not averaged."""
        return nullcontext() if self._together is None else self._together.no_sync(joined)

    def mean(self, values: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Return the mean of the processes' values."""
        if self._together is None:
            return values
        mean = self._together.reduce(values, "mean")
        assert isinstance(mean, torch.Tensor)
        return mean

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process; all of them must call this."""
        if self._together is None:
            return flag
        return self.mean(torch.tensor([float(flag)], device=self.device)).item() > 0

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Run the block in the first process, then in the others."""
        with nullcontext() if self._together is None else self._together.main_process_first():
            yield

    def wait(self) -> None:
        """Wait until all processes have arrived here."""
        if self._together is not None:
            self._together.wait_for_everyone()


def _joined(device: str, started: int) -> "Accelerator":
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(
            f"device is {device!r}, but several processes are started, which get a GPU each; "
            "leave it out, or give cpu"
        )
    try:
        from accelerate import Accelerator
        from accelerate.utils import InitProcessGroupKwargs
    except ImportError as error:
        raise ImportError(
            f"training in several processes needs accelerate ({error}): "
            "pip install 'bigpicture[train]'"
        ) from error
    together = Accelerator(
        mixed_precision="no",  # the recipe sets the precision
        cpu=device == "cpu",
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)],
    )
    # Without CUDA, and unless told to use the CPU, accelerate lets each process run alone.
    if together.num_processes != started or device not in ("auto", together.device.type):
        raise ValueError(
            f"{started} processes were started, but there is no CUDA here; give --device cpu"
        )
    return together
