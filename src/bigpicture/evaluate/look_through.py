"""Read all pictures of a benchmark before hours of work, so that none of them ends it half done.

Benchmark, protocol, metrics ──▶ nothing, or what is wrong with each picture that is of no use
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from bigpicture.data.benchmarks import Benchmark
from bigpicture.data.loader import processors
from bigpicture.metrics.catalog import PERCEPTUAL
from bigpicture.metrics.protocol import Protocol

__all__ = ["look_through"]


def look_through(
    benchmark: Benchmark,
    protocol: Protocol | None,
    metrics: Sequence[str] = (),
    watch: Callable[[str], None] = lambda name: None,
) -> None:
    """Make sure that every picture can be read and scored.

    Args:
        benchmark: The pictures.
        protocol: By which they are going to be scored, if by any.
        metrics: What else is going to be measured, see `bigpicture.evaluate.run.compare`.
        watch: Called with the name of each picture.

    Raises:
        ValueError: If some cannot; all of them are named.
    """

    def wrong(name: str) -> str | None:
        try:
            height, width = (round(benchmark.scale * s) for s in benchmark.read(name).low.shape[1:])
        except (ValueError, OSError, MemoryError) as error:  # which name the file
            return str(error) or f"{name} does not fit into memory"
        try:
            if protocol is not None:
                protocol.inside(height, width, benchmark.scale)
            for metric in metrics:
                PERCEPTUAL[metric].check(height, width)
        except ValueError as error:
            return f"{name}: {error}"
        return None

    found: list[str] = []
    pool = ThreadPoolExecutor(min(4, processors()))  # each holds a picture
    try:
        for name, problem in zip(benchmark.names, pool.map(wrong, benchmark.names), strict=True):
            found += [] if problem is None else [problem]
            watch(name)
    finally:
        pool.shutdown(cancel_futures=True)
    if found:
        count = f"{len(found)} of {len(benchmark)} pictures"
        raise ValueError("\n  ".join([f"{count} of {benchmark.name} cannot be scored:", *found]))
