"""A setting of the process is in force from the first thread that wants it to the last."""

import threading

import pytest

from bigpicture.compute.while_wanted import WhileWanted


def test_begins_once_and_ends_once_with_what_was_before():
    said = []
    wanted = WhileWanted(lambda: said.append("begin") or "before", said.append)
    with wanted, wanted:
        with wanted:
            pass
        assert said == ["begin"]
    assert said == ["begin", "before"]
    with wanted:
        assert said == ["begin", "before", "begin"]


def test_ends_when_the_last_thread_leaves(at_once):
    changes = []
    wanted = WhileWanted(lambda: changes.append(1), lambda _: changes.append(-1))
    within, all_left = threading.Barrier(8, timeout=60), []

    def work(number):
        with wanted:
            within.wait()
            all_left.append(sum(changes))
            within.wait()

    at_once(work, 8)
    assert all_left == [1] * 8
    assert changes == [1, -1]


def test_a_beginning_that_fails_leaves_nobody_within():
    attempts = iter([1, 0])
    ended = []
    wanted = WhileWanted(lambda: 1 // next(attempts) if ended else 1 / 0, ended.append)
    with pytest.raises(ZeroDivisionError), wanted:
        pass
    ended.append("first")
    with wanted:
        pass
    assert ended == ["first", 1]
