"""Read, compute and write concurrently, so that the device waits for neither disk nor codecs.

    jobs ──read (a thread)──▶ waiting ──compute (here)──▶ waiting ──write (some threads)──▶ finished

Both queues are bounded in bytes, not only in number, and may exceed the limit by one picture each.
Jobs are read and finished in their order, whichever is written first.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

_AHEAD = 8  # jobs that are read ahead
_WAITING = 256 * 2**20  # bytes that may wait to be computed, and the same to be written
_WRITERS = min(4, os.cpu_count() or 1)

J = TypeVar("J")
R = TypeVar("R")
W = TypeVar("W")
F = TypeVar("F")


@dataclass(frozen=True)
class Stages(Generic[J, R, W, F]):
    """The stages of a job. The first three must not raise: they return failures as results.

    Attributes:
        read: Runs in a dedicated thread, one job after the other.
        compute: Runs in the thread that calls `overlap`.
        write: Runs in any of several threads.
        finished: Runs in the thread that calls `overlap`, in the order of the jobs. It is called
            again for a job if it was interrupted.
        size_read: Returns the bytes held by what was read.
        size_computed: Returns the bytes held by what was computed.
    """

    read: Callable[[J], R]
    compute: Callable[[R], W]
    write: Callable[[W], F]
    finished: Callable[[F], None]
    size_read: Callable[[R], int]
    size_computed: Callable[[W], int]


def overlap(jobs: Iterable[J], stages: Stages[J, R, W, F], waiting: int = _WAITING) -> None:
    """Take all jobs through their stages.

    If this ends early, such as by Ctrl-C, everything computed so far is still written and finished,
    unless that is interrupted twice.

    Args:
        jobs: The jobs in the order in which to do them.
        stages: The stages of each job.
        waiting: Bytes that may wait to be computed, and the same to be written.
    """
    to_write = _ToWrite(stages, waiting)
    reader = _Reader(stages, waiting)
    try:
        for job in reader.all(iter(jobs)):
            to_write.put(stages.compute(job))
    finally:
        try:
            reader.stop()
        finally:  # even if an impatient user presses Ctrl-C twice
            _whatever_comes(to_write.finish)


def _whatever_comes(finish: Callable[[], None]) -> None:
    """Call `finish`, and again if it is interrupted: only a second interruption ends it."""
    try:
        finish()
    except KeyboardInterrupt:
        finish()
        raise


class _Reader(Generic[J, R, W, F]):
    def __init__(self, stages: Stages[J, R, W, F], waiting: int) -> None:
        self._stages = stages
        self._most = waiting
        self._held = 0
        self._stopped = False
        self._room = threading.Condition()
        self._pool = ThreadPoolExecutor(1, "read")

    def all(self, jobs: Iterator[J]) -> Iterator[R]:
        """Yield what was read for each job, in order."""
        coming: deque[Future[tuple[R, int]]] = deque()
        for job in jobs:
            coming.append(self._pool.submit(self._read, job))
            if len(coming) > _AHEAD:
                yield self._next(coming)
        while coming:
            yield self._next(coming)

    def stop(self) -> None:
        """Stop reading, and wait for the read in progress."""
        with self._room:
            self._stopped = True
            self._room.notify_all()
        self._pool.shutdown(cancel_futures=True)

    def _read(self, job: J) -> tuple[R, int]:
        with self._room:
            self._room.wait_for(lambda: self._held < self._most or self._stopped)
        if self._stopped:
            raise RuntimeError("stopped")  # nobody waits for this result
        read = self._stages.read(job)
        size = self._stages.size_read(read)
        with self._room:
            self._held += size
        return read, size

    def _next(self, coming: deque[Future[tuple[R, int]]]) -> R:
        read, size = coming.popleft().result()
        with self._room:
            self._held -= size
            self._room.notify_all()
        return read


class _Writing(Generic[W, F]):
    """A result to be written exactly once, by whichever thread calls this first."""

    def __init__(self, write: Callable[[W], F], computed: W) -> None:
        self._todo: tuple[Callable[[W], F], W] | None = write, computed
        self._done: list[F] = []
        self._turn = threading.Lock()

    @property
    def done(self) -> bool:
        return bool(self._done)

    def __call__(self) -> F:
        with self._turn:
            if self._todo is not None:
                write, computed = self._todo
                self._done.append(write(computed))
                self._todo = None
            return self._done[0]


class _ToWrite(Generic[J, R, W, F]):
    def __init__(self, stages: Stages[J, R, W, F], waiting: int) -> None:
        self._stages = stages
        self._most = waiting
        self._pool = ThreadPoolExecutor(_WRITERS, "write")
        self._waiting: deque[tuple[_Writing[W, F], int]] = deque()

    def put(self, computed: W) -> None:
        """Queue a result for writing once there is room, and finish those already written."""
        while self._waiting and sum(size for _, size in self._waiting) >= self._most:
            self._finish_one()
        writing = _Writing(self._stages.write, computed)
        # Queue it before submitting it: an interruption in between then leaves it to `finish`.
        self._waiting.append((writing, self._stages.size_computed(computed)))
        self._pool.submit(writing)
        while self._waiting and self._waiting[0][0].done:
            self._finish_one()

    def finish(self) -> None:
        """Wait until all results are written and finished."""
        while self._waiting:
            self._finish_one()
        self._pool.shutdown()

    def _finish_one(self) -> None:
        # Remove it from the queue last: an interruption here then leaves it to `finish`.
        self._stages.finished(self._waiting[0][0]())
        self._waiting.popleft()
