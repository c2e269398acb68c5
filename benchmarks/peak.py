"""The peak memory of a run, to be measured in a process that does nothing else."""

import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from timing import Run

from bigpicture.infer.peak import PeakMemory

__all__ = ["Held", "held", "reported"]


class Held(NamedTuple):
    """Bytes that a process held before a run, and its peak after it."""

    before: int
    peak: int


def held(run: Run) -> Held:
    """Call `run`, and return what this process held before it and its peak."""
    memory = PeakMemory(torch.device("cpu"))
    before = memory.of_process()
    run()
    peak = memory.of_process()
    if before is None or peak is None:
        raise SystemExit("this system does not say how much memory a process has held")
    return Held(before, peak)


def reported(command: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """Run a command and return the number that it prints. Its standard error is shown."""
    found = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(found.stdout)
