import threading
import warnings

import numpy as np
import pytest
import torch

from bigpicture.app.recording import heard_in, warnings_told_apart
from bigpicture.infer.peak import PeakMemory


class OurWarning(UserWarning):
    pass


def test_each_piece_of_work_hears_its_own_warnings():
    heard = [[] for _ in range(4)]
    together = threading.Barrier(4, timeout=60)

    def work(number):
        with heard_in(heard[number]):
            together.wait()
            for _ in range(3):
                warnings.warn(f"work {number}", OurWarning, stacklevel=1)
            together.wait()

    with warnings_told_apart(OurWarning):
        threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert heard == [[f"work {number}"] for number in range(4)]


def test_other_warnings_are_shown_as_ever():
    heard = []
    with warnings.catch_warnings(record=True) as shown, warnings_told_apart(OurWarning):
        warnings.simplefilter("always")
        with heard_in(heard):
            warnings.warn("theirs", UserWarning, stacklevel=1)
        warnings.warn("nobody's", OurWarning, stacklevel=1)
    assert heard == []
    assert [str(w.message) for w in shown] == ["theirs", "nobody's"]


def test_warnings_of_no_work_are_told_once_each():
    told, heard = [], []
    with warnings_told_apart(OurWarning, otherwise=told.append):
        for text in ("one", "two", "one"):
            warnings.warn(text, OurWarning, stacklevel=1)
        thread = threading.Thread(target=warnings.warn, args=("three", OurWarning))
        thread.start()
        thread.join()
        with heard_in(heard):
            warnings.warn("one", OurWarning, stacklevel=1)
    assert told == ["one", "two", "three"]
    assert heard == ["one"]


def test_the_peak_is_that_since_the_start():
    peak = PeakMemory(torch.device("cpu"))
    before = peak.of_process()
    if before is None:
        pytest.skip("this system does not say")
    held = np.ones(2**26, np.uint8)
    assert peak.of_process() >= before + 0.9 * held.nbytes
    del held
    assert peak.of_device() is None
