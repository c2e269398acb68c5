"""Batches drawn ahead of the training loop, by processes of their own.

    crops, range of steps ──workers──▶ batch, batch, …     in the order of the steps

A batch is a function of its step, so whoever draws it, and when, makes no difference: with any
number of workers the batches are the same, and to resume is to begin with another step. A loader
that can save its state would have none to save, which is why PyTorch's own is used.
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
    """What a batch is drawn from."""

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
    """Return the batches of steps, one after the other.

    Args:
        crops: What they are drawn from; with workers, it is sent to them.
        steps: Which; a run that goes on begins with its next one.
        share: Which crops of each batch, where several processes train.
        workers: Processes that draw ahead, two batches each; 0 draws when a batch is asked for.
        pin: Put batches into memory that a GPU can copy from while it computes.
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
        generator=torch.Generator(),  # or else it would take a number from the global one
    )


def processors() -> int:
    """Return how many processors are this process's, if others train beside it."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # as what launches them says
    return max(1, here // beside)


def _begin(worker: int) -> None:
    # Signals to end are the training's to answer, which may need another batch before it can.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
