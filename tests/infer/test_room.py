"""What a whole picture takes, beside what is said of it before."""

import sys

import numpy as np
import pytest
import torch

from bigpicture.image import Picture
from bigpicture.infer.kinds import open_planes
from bigpicture.infer.room import bytes_held
from bigpicture.infer.storages import Storages

WAYS = [
    {"scale": 2},
    {"scale": 2.7},
    {"scale": 4},
    {"scale": 2, "ensemble": True},
    {"scale": 1.5, "match_low": True},
    {"size": (90, 380)},
]


@pytest.mark.parametrize(("channels", "way"), [(4, WAYS[0]), *[(3, way) for way in WAYS]], ids=str)
def test_what_is_said_to_be_held_is_held(tiny, way, channels):
    model, low = tiny.nearest(), torch.rand(1, channels, 160, 192)
    mixed = {name: way.get(name, False) for name in ("ensemble", "match_low")}
    sized = {name: value for name, value in way.items() if name not in mixed}
    with Storages() as seen:
        model.upscale(low, tile=32, **way)
    said = bytes_held(open_planes(low), model.plan((160, 192), **sized), **mixed)
    held = seen.peak + low.nbytes
    assert 0.75 * held < said < 1.25 * held


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, what is free is guessed")
def test_what_memory_cannot_hold_is_refused_before_any_work(tiny, monkeypatch):
    monkeypatch.setattr("bigpicture.infer.memory._available_on_linux", lambda: 14 * 2**20)
    monkeypatch.setattr("bigpicture.infer.room._LITTLE", 2**20)
    model, told = tiny.nearest(), []
    picture = Picture(np.zeros((200, 300, 3), np.uint8))

    def progress(*done):
        told.append(done)

    # the last pass alone has 11 MiB
    with pytest.raises(MemoryError, match=r"1200 × 800 pixels, with what .* 0\.0 GiB as floats"):
        model.upscale(picture, scale=2.5, tile=64, progress=progress)
    assert not told
    assert model.upscale(picture, tile=64).width == 600  # which is never floats as a whole
