"""The order of what is done at the same time, what it holds, and how it ends."""

import threading
import time

import pytest

from bigpicture.app import overlap as overlapping
from bigpicture.app.overlap import Stages, overlap


def stages(read=lambda n: n, compute=lambda n: n, write=lambda n: n, size=1):
    finished = []
    sized = {"size_read": lambda n: size, "size_computed": lambda n: size}
    return finished, Stages(read, compute, write, finished.append, **sized)


def test_all_is_finished_in_order_and_computed_here():
    here = threading.get_ident()
    where = {"read": set(), "compute": set(), "write": set()}

    def note(stage, n, pause=0.0):
        where[stage].add(threading.get_ident())
        time.sleep(pause)
        return n

    finished, doing = stages(
        lambda n: note("read", n),
        lambda n: note("compute", n),
        lambda n: note("write", n, 0.002 * (n % 3)),
    )
    overlap(range(50), doing)
    assert finished == list(range(50))
    assert where["compute"] == {here}
    assert here not in where["read"] | where["write"]
    assert len(where["read"]) == 1


def test_one_is_read_and_one_written_while_one_is_computed():
    meeting = threading.Barrier(3, timeout=60)  # broken if one of the three waits for another

    def meet(n, among):
        if n in among:
            meeting.wait()
        return n

    finished, doing = stages(
        lambda n: meet(n, range(2, 30)),
        lambda n: meet(n, range(1, 29)),
        lambda n: meet(n, range(28)),
    )
    overlap(range(30), doing)
    assert finished == list(range(30))


@pytest.mark.parametrize("late", ["compute", "write"])
def test_what_waits_is_bounded_in_bytes(late):
    held, most = 0, 0
    lock = threading.Lock()

    def count(by, n):
        nonlocal held, most
        with lock:
            held += by
            most = max(most, held)
        return n

    def slow(n):
        time.sleep(0.003)
        return n

    if late == "compute":
        _, doing = stages(lambda n: count(1, n), lambda n: count(-1, slow(n)), size=100)
    else:
        _, doing = stages(
            compute=lambda n: count(1, n), write=lambda n: count(-1, slow(n)), size=100
        )
    overlap(range(40), doing, waiting=250)
    assert held == 0
    assert most <= 3 + 4  # those that wait, one on each side, those in the hands of writers


def test_an_interruption_loses_nothing_that_was_computed():
    read = []

    def compute(n):
        if n == 5:
            raise KeyboardInterrupt
        return n

    def slow(n):
        time.sleep(0.01)
        return n

    finished, doing = stages(lambda n: read.append(n) or n, compute, slow)
    with pytest.raises(KeyboardInterrupt):
        overlap(range(1000), doing)
    assert finished == [0, 1, 2, 3, 4]
    assert len(read) < 20


def test_two_interruptions_lose_nothing_that_was_computed(monkeypatch):
    stop = overlapping._Reader.stop

    def interrupted(reader):
        stop(reader)
        raise KeyboardInterrupt

    monkeypatch.setattr(overlapping._Reader, "stop", interrupted)
    finished, doing = stages(write=lambda n: time.sleep(0.01) or n)
    with pytest.raises(KeyboardInterrupt):
        overlap(range(9), doing)
    assert finished == list(range(9))


def test_an_interruption_while_finishing_repeats_it():
    calls = []

    def finish(n):
        calls.append(n)
        if calls == [0]:
            raise KeyboardInterrupt

    _, doing = stages()
    doing = Stages(**{**vars(doing), "finished": finish})
    with pytest.raises(KeyboardInterrupt):
        overlap([0], doing)
    assert calls == [0, 0]


def test_an_interruption_while_the_last_are_written_loses_nothing():
    computed, told = threading.Event(), []

    def compute(n):
        if n == 8:
            computed.set()
        return n

    def finish(n):
        told.append(n)
        if told == [0, 1, 2]:
            raise KeyboardInterrupt

    _, doing = stages(compute=compute, write=lambda n: computed.wait(60) and n)
    doing = Stages(**{**vars(doing), "finished": finish})
    with pytest.raises(KeyboardInterrupt):
        overlap(range(9), doing)
    assert told == [0, 1, 2, 2, 3, 4, 5, 6, 7, 8]


def test_an_interruption_before_a_writer_begins_loses_nothing(monkeypatch):
    class Interrupted(overlapping.ThreadPoolExecutor):
        def submit(self, *arguments, **named):
            if self._thread_name_prefix == "write":
                raise KeyboardInterrupt
            return super().submit(*arguments, **named)

    monkeypatch.setattr(overlapping, "ThreadPoolExecutor", Interrupted)
    finished, doing = stages()
    with pytest.raises(KeyboardInterrupt):
        overlap(range(9), doing)
    assert finished == [0]


def test_no_jobs_are_no_work():
    finished, doing = stages()
    overlap([], doing)
    assert finished == []
