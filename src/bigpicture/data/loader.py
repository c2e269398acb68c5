"""Batches drawn ahead of the training loop by worker processes.

    crops, range of steps ──workers──▶ batch, batch, …     in the order of the steps

A batch is a function of its step, so it does not matter which process draws it, or when: the
batches are the same with any number of workers, and resuming means starting at another step. A
stateful loader would have no state to save, which is why PyTorch's own is used.
"""

import os
import signal
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch
from torch.utils.data import DataLoader, Dataset

from bigpicture.data.batch import Batch
from bigpicture.data.crops import Share

__all__ = ["Crops", "load_batches", "processors"]

_AHEAD = 2  # batches that each worker holds ready


@runtime_checkable
class Crops(Protocol):
    """A source of batches."""

    def draw(self, step: int, share: Share = (0, 1)) -> Batch:
        """Return the batch of a step, or a share of its crops."""
        ...


class _Steps(Dataset[Batch]):
    def __init__(self, crops: Crops, share: Share) -> None:
        self.crops, self.share = crops, share

    def __getitem__(self, step: int) -> Batch:
        return self.crops.draw(step, self.share)


def load_batches(
    crops: Crops,
    steps: range,
    *,
    share: Share = (0, 1),
    workers: int = 0,
    pin: bool = False,
) -> Iterable[Batch]:
    """Return the batches of a range of steps, in order.

    Args:
        crops: Source of the batches; with workers, it is sent to them.
        steps: The steps; a resumed run begins with its next one.
        share: Which crops of each batch to draw, where several processes train.
        workers: Processes that draw ahead, two batches each; with 0, a batch is drawn on request.
        pin: Put batches into pinned memory, which a GPU can copy from while it computes.
    """
    return DataLoader(
        _Steps(crops, share),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        # libvips, which compresses crops, does not survive a fork.
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=_AHEAD if workers else None,
        worker_init_fn=_begin,
        pin_memory=pin,
        generator=torch.Generator(),  # otherwise it would take a number from the global one
    )


def processors() -> int:
    """Return the number of CPUs for this process, if others train beside it."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # set by the launcher
    return max(1, here // beside)


def _begin(worker: int) -> None:
    # The training process answers these signals, and may need another batch before it can stop.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), signal.SIG_IGN)
