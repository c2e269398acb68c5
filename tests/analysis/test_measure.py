import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest
import torch

from bigpicture.analysis.measure import Job, interleaved, measure, peak_memory
from bigpicture.infer.model import Model
from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.heads.liif import LIIFSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import NetworkSettings

SMALL = NetworkSettings(EDSRSettings(channels=16, blocks=1), SubPixelSettings(scale=2))
ANY = NetworkSettings(EDSRSettings(channels=8, blocks=1), LIIFSettings(hidden=8))


def test_runs_take_turns_and_the_first_is_not_timed():
    order = []

    def run(name, seconds):
        order.append(name)
        time.sleep(0.3 if len(order) <= 2 else seconds)

    found = interleaved({"a": lambda: run("a", 0.0), "b": lambda: run("b", 0.05)}, 3)
    assert order == ["a", "b"] * 4
    assert found["a"] < 0.05 <= found["b"] < 0.3
    with pytest.raises(ValueError, match="repeats must be 1 or more, not 0"):
        interleaved({}, 0)


def test_memory_is_that_of_tensors_at_least_and_grows_with_the_picture():
    small, large = (peak_memory(Job(SMALL, (side, side))) for side in (32, 512))
    if small is None:
        pytest.skip("this system does not say")
    features = 4 * 16 * 512**2  # bytes of one map; upsampling makes four times as much of it
    assert 4 * features < large - small < 30 * features


def test_a_process_that_was_ended_is_told_from_a_result(monkeypatch):
    def ended(*_):
        raise BrokenProcessPool

    monkeypatch.setattr(ProcessPoolExecutor, "submit", ended)
    with pytest.raises(MemoryError, match="enlarged 9×8 pixels was ended") as refused:
        peak_memory(Job(SMALL, (8, 9)))
    assert "__name__ == '__main__'" in refused.value.__notes__[0]


def test_jobs_are_measured_by_name():
    found = measure({"any": Job(ANY, (8, 9), (20, 30))}, repeats=1)
    assert set(found) == {"any"}
    assert found["any"].seconds > 0
    assert found["any"].memory is None or found["any"].memory > 0


def test_without_repeats_nothing_is_measured(monkeypatch):
    monkeypatch.setattr("bigpicture.analysis.measure.peak_memory", pytest.fail)
    with pytest.raises(ValueError, match="repeats must be 1 or more, not 0"):
        measure({"any": Job(ANY, (8, 9), (20, 30))}, repeats=0)


def test_a_job_keeps_nothing_for_gradients_and_runs_again(monkeypatch):
    made = []

    class Recorded(Model):
        def __call__(self, *inputs):
            made.append(super().__call__(*inputs))
            return made[-1]

    monkeypatch.setattr("bigpicture.analysis.measure.Model", Recorded)
    run = Job(SMALL, (8, 8)).prepare()
    with torch.enable_grad():
        run()
        run()
    assert [(tuple(high.shape), high.requires_grad) for high in made] == [
        ((1, 3, 16, 16), False)
    ] * 2
