import signal
import threading

import pytest

from bigpicture.app.stopping import Stopped, stoppable


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_raises_sets_the_flag_and_is_then_as_before(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt) as caught, stoppable() as stop:
        signal.raise_signal(number)
    assert caught.value.status == 128 + number
    assert stop.is_set()
    with pytest.raises(Stopped):
        stop.check()
    assert signal.getsignal(number) is before


def test_work_that_must_not_be_torn_hears_of_the_first_and_is_ended_by_the_second():
    with pytest.raises(Stopped) as caught, stoppable() as stop, stop.put_off() as told:
        assert not told.is_set()
        signal.raise_signal(signal.SIGTERM)
        assert told.is_set()
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.number == signal.SIGTERM


def test_work_that_is_done_is_ended_by_the_first():
    reached = False
    with pytest.raises(Stopped), stoppable() as stop:
        with stop.put_off():
            reached = True
        signal.raise_signal(signal.SIGTERM)
    assert reached


def test_what_is_ignored_stays_so():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with stoppable() as stop:
            signal.raise_signal(signal.SIGTERM)
        assert not stop.is_set()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_have_no_signals():
    entered = []

    def work():
        with stoppable() as stop:
            stop.check()
            entered.append(stop)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(entered) == 1
