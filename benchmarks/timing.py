"""Medians of runs that take turns, so that all of them meet the same noise."""

import statistics
import time
from collections.abc import Callable, Mapping

__all__ = ["Run", "interleaved"]

Run = Callable[[], object]


def interleaved(runs: Mapping[str, Run], repeats: int) -> dict[str, float]:
    """Return the median seconds of each run over so many rounds, after one round that is not timed.

    Args:
        runs: By name.
        repeats: Rounds, in each of which every run has its turn.
    """
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}
