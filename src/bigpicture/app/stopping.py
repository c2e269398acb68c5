"""Ctrl-C and similar signals: end work in the main thread at once, and keep what is done.

A signal raises `Stopped` wherever the main thread is, like Python's own Ctrl-C, and also sets a
flag, because an exception raised inside a C callback or the garbage collector gets lost. Work that
must not be interrupted midway checks only the flag; a second signal interrupts it nevertheless.
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
    """A signal has asked to stop.

    Args:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """Exit status that shells expect of a program ended by this signal."""
        return 128 + self.number


class Stop(threading.Event):
    """Whether to stop, and because of which signal."""

    number: int = signal.SIGINT
    patient: bool = False

    @contextmanager
    def put_off(self) -> Iterator["Stop"]:
        """Make the first signal only set the flag; the second raises `Stopped`."""
        self.patient = True
        try:
            yield self
        finally:
            self.patient = False

    def check(self) -> None:
        """Raise `Stopped` if a signal has arrived, in case its own exception was lost."""
        if self.is_set():
            raise Stopped(self.number)


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Turn signals that end a program into `Stopped`; ignored signals stay ignored."""
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
