"""Measured costs of a network for one picture: seconds and memory.

    settings, a picture's size ──▶ Measured

Seconds are medians of interleaved runs, so that noise affects all networks alike. Memory is
measured in a separate process, from before the network is built until after one run: on CUDA, the
peak of all tensors (`torch.cuda.max_memory_allocated`, parameters included); elsewhere, the
increase of the process's peak as the operating system reports it, which includes the kernels'
workspace. Networks have random weights, which affects neither.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context

import torch

from bigpicture.compute.allocation import memory_kept
from bigpicture.infer.model import Model
from bigpicture.infer.peak import PeakMemory
from bigpicture.infer.precision import Precision, computing_in
from bigpicture.models.network import Network, NetworkSettings

__all__ = ["Job", "Measured", "Run", "interleaved", "measure", "peak_memory"]

Run = Callable[[], object]


@dataclass(frozen=True)
class Job:
    """A network and the size of the picture that it enlarges.

    Attributes:
        settings: Settings of the network.
        low: Height and width of the low-resolution picture.
        size: Height and width of the result, if the network renders any size; else None.
        device: Where the network runs, as in PyTorch.
        precision: See `bigpicture.infer.precision`.
    """

    settings: NetworkSettings
    low: tuple[int, int]
    size: tuple[int, int] | None = None
    device: str = "cpu"
    precision: Precision = "fp32"

    def prepare(self) -> Run:
        """Build the network, and return a function that runs it once and waits for the device."""
        network = Network(self.settings)
        model = Model(network, network.limits).to(self.device)
        device = model.device
        low = torch.rand(1, self.settings.colours, *self.low, device=device)

        def run() -> None:
            computing = computing_in(self.precision, device, bits=8)
            with torch.inference_mode(), computing, memory_kept:
                model(low, self.size)
            torch.get_device_module(device).synchronize()

        return run


@dataclass(frozen=True)
class Measured:
    """What a job takes.

    Attributes:
        seconds: Median over the runs.
        memory: Bytes, or None where the system does not report them.
    """

    seconds: float
    memory: int | None


def measure(jobs: Mapping[str, Job], repeats: int = 5) -> dict[str, Measured]:
    """Return what jobs take, by their names.

    Args:
        jobs: The jobs to compare, by name.
        repeats: Timed runs of each job, after one run that is not timed.

    Raises:
        ValueError: If `repeats` is below 1, or a job's device or precision is not available.
        MemoryError: If a process that measured memory was ended, see `peak_memory`.
    """
    _check(repeats)
    memory = {name: peak_memory(job) for name, job in jobs.items()}
    seconds = interleaved({name: job.prepare() for name, job in jobs.items()}, repeats)
    return {name: Measured(seconds[name], memory[name]) for name in jobs}


def interleaved(runs: Mapping[str, Run], repeats: int) -> dict[str, float]:
    """Return the median seconds of each run, after one round that is not timed.

    Args:
        runs: By name.
        repeats: Timed rounds; in each, every run is called once.

    Raises:
        ValueError: If `repeats` is below 1.
    """
    _check(repeats)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    with memory_kept:
        for run in runs.values():
            run()
        for _ in range(repeats):
            for name, run in runs.items():
                start = time.perf_counter()
                run()
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _check(repeats: int) -> None:
    if repeats < 1:
        raise ValueError(f"repeats must be 1 or more, not {repeats}")


def peak_memory(job: Job) -> int | None:
    """Return the peak of a job's memory in bytes, or None where the system does not report it.

    Raises:
        MemoryError: If the process that measures was ended: by the system, most likely, or because
            a script calls this without `if __name__ == "__main__":`.
    """
    # spawned, not forked, so that it contains nothing of this process's memory
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        try:
            return process.submit(_own_peak, job, torch.get_num_threads()).result()
        except BrokenProcessPool as error:
            height, width = job.low
            ended = MemoryError(
                f"the process that enlarged {width}×{height} pixels was ended, most likely because "
                "so large a picture does not fit into memory"
            )
            # a note, not part of the message, as it does not concern the command line
            ended.add_note(
                "In a script, this must be called under `if __name__ == '__main__':`, because the "
                "new process imports the script."
            )
            raise ended from error


def _own_peak(job: Job, threads: int) -> int | None:
    """Return the same, measured in this process, which does nothing else."""
    torch.set_num_threads(threads)
    device = torch.device(job.device)
    torch.zeros(1, device=device)  # initialises the device, which is not the network's memory
    peak = PeakMemory(device)
    before = peak.of_process()
    job.prepare()()
    of_device = peak.of_device()
    after = peak.of_process()
    if of_device is not None or before is None or after is None:
        return of_device
    return after - before
