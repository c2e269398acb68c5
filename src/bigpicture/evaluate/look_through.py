"""Check all pictures of a benchmark before hours of work, so that none of them interrupts it.

Benchmark, protocol, metrics ──▶ nothing, or an error that says what is wrong with which pictures
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
    """Check that every picture can be read and scored.

    Args:
        benchmark: The pictures.
        protocol: The protocol to score them by, None for none.
        metrics: Other metrics to measure, see `bigpicture.evaluate.run.compare`.
        watch: Called with the name of each picture.

    Raises:
        ValueError: If any cannot; the error names all of them.
    """

    def wrong(name: str) -> str | None:
        try:
            height, width = (round(benchmark.scale * s) for s in benchmark.read(name).low.shape[1:])
        except (ValueError, OSError, MemoryError) as error:  # ValueError and OSError name the file
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
    pool = ThreadPoolExecutor(min(4, processors()))  # each thread holds a picture
    try:
        for name, problem in zip(benchmark.names, pool.map(wrong, benchmark.names), strict=True):
            found += [] if problem is None else [problem]
            watch(name)
    finally:
        pool.shutdown(cancel_futures=True)
    if found:
        count = f"{len(found)} of {len(benchmark)} pictures"
        raise ValueError("\n  ".join([f"{count} of {benchmark.name} cannot be scored:", *found]))
