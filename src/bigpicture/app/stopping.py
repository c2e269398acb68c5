"""Ctrl-C and its kin: work in the main thread ends at once, with what is done kept.

The signal raises `Stopped` where the main thread is, as Python's own Ctrl-C does, and sets a flag
besides: an exception that arises in a callback of C or of the garbage collector gets lost. Work
that must not be torn apart looks at the flag alone, until another signal insists.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Stopped(KeyboardInterrupt):
    """A signal asks to stop.

    Args:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """Exit status that shells know a program by which was ended by the signal."""
        return 128 + self.number


class Stop(threading.Event):
    """Whether to stop, and by which signal."""

    number: int = signal.SIGINT
    patient: bool = False

    @contextmanager
    def put_off(self) -> Iterator["Stop"]:
        """Let the first signal only set the flag, and the second raise."""
        self.patient = True
        try:
            yield self
        finally:
            self.patient = False

    def check(self) -> None:
        """Raise what the signal's own exception was, should that be lost."""
        if self.is_set():
            raise Stopped(self.number)


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Turn signals that end a program into `Stopped`; those that are ignored stay so."""
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        waits = stop.patient and not stop.is_set()
        stop.number = number
        stop.set()
        if not waits:
            raise Stopped(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        before = {n: known for n, known in before.items() if known not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, handle)
    try:
        yield stop
    finally:
        for number, known in before.items():
            signal.signal(number, known)
