"""Whoever draws a batch, and when, it is the same."""

import pickle
import signal

import pytest
import torch

from bigpicture.app.stopping import _SIGNALS
from bigpicture.data import loader
from bigpicture.data.loader import load_batches, processors
from bigpicture.data.training import open_crops


def equal(one, other) -> bool:
    pairs = zip((one.low, one.target), (other.low, other.target), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_workers_draw_the_batches_of_the_steps_in_their_order(settings):
    crops = open_crops(settings(degradation=["bsrgan", "realesrgan"]), 2)
    steps = range(5, 8)
    loaded = list(load_batches(crops, steps, workers=1, share=(1, 2)))
    assert len(loaded) == 3
    for step, batch in zip(steps, loaded, strict=True):
        assert equal(batch, crops.draw(step, (1, 2)))


def test_without_workers_batches_are_drawn_when_they_are_asked_for(settings):
    crops = open_crops(settings(), 2)
    drawn = []

    class Watched:
        def draw(self, step, share=(0, 1)):
            drawn.append((step, share))
            return crops.draw(step, share)

    before = torch.get_rng_state()
    batches = iter(load_batches(Watched(), range(3, 6)))
    assert equal(next(batches), crops.draw(3))
    assert drawn == [(3, (0, 1))]
    assert torch.equal(torch.get_rng_state(), before)
    assert len(list(batches)) == 2


def test_what_is_sent_to_workers_is_small(settings):
    crops = open_crops(settings(), 2)
    pixels = sum(each.high.size for each in crops.photographs)
    assert len(pickle.dumps(crops)) < 4000 < pixels


@pytest.mark.parametrize("share", [(2, 2), (-1, 2), (3, 4)])
def test_shares_without_crops_are_refused(settings, share):
    with pytest.raises(ValueError, match="leaves none of 3 crops"):
        open_crops(settings(), 2).draw(0, share)


def test_signals_to_end_are_the_training_s_to_answer():
    """Which may want one more batch: launchers send them to workers too."""
    numbers = _SIGNALS  # those that end a run after its step
    before = [signal.getsignal(number) for number in numbers]
    try:
        loader._begin(0)
        assert [signal.getsignal(number) for number in numbers] == [signal.SIG_IGN] * len(numbers)
    finally:
        for number, known in zip(numbers, before, strict=True):
            signal.signal(number, known)


def test_processes_share_the_processors(monkeypatch):
    alone = processors()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert 1 <= processors() == max(1, alone // 2)
