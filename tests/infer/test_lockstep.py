"""Tiles that run together see exactly what the whole picture says."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.image.spool import spooling
from bigpicture.infer import Model, Tiling, render, waiting
from bigpicture.infer.lockstep import Lockstep
from bigpicture.infer.storages import key_of
from bigpicture.infer.upscale import render_bands
from bigpicture.models.contract import Limits


@pytest.fixture(params=["Attentive", "modulated"])
def network(request, tiny):
    return getattr(tiny, request.param)()


@pytest.mark.parametrize("side", [16, 20])
def test_exact_contexts_in_one_pass_give_the_whole(tiny, network, side):
    low, done = tiny.gradient_picture(37, 50), []
    with torch.no_grad():
        whole = network(low)
    tiling = Tiling(side, halo=network.limits.reach, context="exact")
    result = render(network, network.limits, low, tiling, done.append)
    assert (result - whole).abs().max() < 1e-5
    tiles = tiling.cut(37, 50, network.limits)
    assert sum(done) == sum(tile.pixels for tile in tiles)


def test_progress_is_told_stage_by_stage(tiny):
    network, low, done = tiny.modulated(), tiny.gradient_picture(40, 40), []
    tiling = Tiling(10, halo=4, context="exact")
    bands = render_bands(network, network.limits, low, tiling, done.append)
    next(bands)  # whose last tile is the fourth of sixteen that go their last stage
    tiles = tiling.cut(40, 40, network.limits)
    total = sum(tile.pixels for tile in tiles)
    stages = Lockstep(network).stages
    assert stages >= 3
    assert sum(done) > (1 - 1 / stages) * total
    assert sum(done[: len(tiles)]) == pytest.approx(total / stages, rel=0.01)
    assert len(list(bands)) == 3
    assert sum(done) == total


def test_more_tiles_than_threads_are_refused_before_any_work(tiny):
    model, size = tiny.attentive(), (640, 640)
    with pytest.raises(ValueError, match=r"all 6400 tiles at once.*; take larger tiles"):
        model.plan(size, tile=8, context="exact")
    assert model.plan(size, tile=16, context="exact").tiles == 1600
    assert model.plan(size, tile=8, context="shared").tiles == 6400
    local = tiny.Local()  # whose tiles need not wait for each other
    assert Model(local, local.limits).plan(size, tile=8, context="exact").tiles == 6400


def test_in_bf16_too(tiny, network):
    low = tiny.gradient_picture(24, 24)
    model = Model(network, network.limits)
    whole = model.upscale(low, tile="off", precision="bf16")
    result = model.upscale(low, tile=12, context="exact", precision="bf16")
    assert (result - whole).abs().max() < 0.02
    assert not torch.equal(whole, model.upscale(low, tile="off"))


def test_the_halo_is_the_reach_unless_said_otherwise(tiny):
    model = tiny.attentive()
    model.limits = Limits(2, 3, reach=77)
    halos = {
        context: model.plan((500, 500), tile=64, context=context).passes[0].tiling.halo
        for context in ("exact", "shared")
    }
    assert halos == {"exact": 77, "shared": 32}
    assert model.plan((500, 500), tile=64, context="exact", halo=5).passes[0].tiling.halo == 5


def tiles_alive() -> int:
    return sum(thread.name == "bigpicture-tile" for thread in threading.enumerate())


def test_no_thread_is_left_whatever_happens(tiny):
    network, low = tiny.Attentive(), tiny.gradient_picture(40, 40)
    tiling, alive = Tiling(10, halo=4, context="exact"), []
    render(network, network.limits, low, tiling, lambda pixels: alive.append(tiles_alive()))
    assert max(alive) == 16
    assert tiles_alive() == 0

    def stop(pixels):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(network, network.limits, low, tiling, stop)
    assert tiles_alive() == 0


class Failing(nn.Module):
    """Fails at the tile that holds the white pixel."""

    limits = Limits(1, 3, reach=0)

    def __init__(self) -> None:
        super().__init__()
        self.attention = ChannelAttention(3, 1)

    def forward(self, low):
        if low.max() > 0.9:
            raise RuntimeError("this tile is cursed")
        return self.attention(low)


def test_a_tile_that_fails_ends_all_with_its_error():
    low = torch.full((1, 3, 8, 32), 0.5)
    low[..., 20] = 1
    with pytest.raises(RuntimeError, match="cursed"):
        render(Failing(), Failing.limits, low, Tiling(8, halo=0, context="exact"))
    assert tiles_alive() == 0


class Wayward(nn.Module):
    """Asks its operators in an order that depends on the picture."""

    limits = Limits(1, 3, reach=0)

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = ChannelAttention(3, 1), ChannelAttention(3, 1)

    def forward(self, low):
        first, second = (self.one, self.other) if low.max() > 0.9 else (self.other, self.one)
        return second(first(low))


def test_tiles_that_go_different_ways_are_told_apart():
    low = torch.full((1, 3, 8, 32), 0.5)
    low[..., 20] = 1
    with pytest.raises(RuntimeError, match="cannot be run with context='exact'"):
        render(Wayward(), Wayward.limits, low, Tiling(8, halo=0, context="exact"))


def test_many_threads_use_one_network(tiny):
    network = tiny.modulated()
    pictures = [tiny.gradient_picture(24, 24 + 8 * i) for i in range(4)]

    def run(low):
        return render(network, network.limits, low, Tiling(12, halo=8, context="exact"))

    alone = [run(low) for low in pictures]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(run, pictures))
    assert all(torch.equal(*pair) for pair in zip(alone, together, strict=True))


def test_the_network_is_left_as_it_was(tiny):
    network = tiny.Attentive()
    before = dict(network.attention.__dict__)
    Lockstep(network)
    assert network.attention.__dict__ == before


@pytest.fixture
def nothing_is_small(monkeypatch):
    monkeypatch.setattr(waiting, "_SMALL", 1)


@pytest.mark.parametrize("memory", [0, 20_000, None])
def test_waiting_in_a_file_changes_nothing(tiny, network, nothing_is_small, memory):
    low = tiny.gradient_picture(37, 50)
    tiling = Tiling(16, halo=network.limits.reach, context="exact")
    expected = render(network, network.limits, low, tiling)
    result = render(network, network.limits, low, replace(tiling, memory=memory))
    assert torch.equal(result, expected)


def test_what_waits_takes_no_memory(tiny, nothing_is_small):
    network, low = tiny.Attentive(), tiny.gradient_picture(64, 64)
    held = {}
    for memory in (0, None):
        together = Lockstep(network, memory)
        tiles = Tiling(16, halo=4).cut(64, 64, network.limits)
        most = []

        def look(number, together=together, most=most):
            stored = [s for runner in together._runners for s in runner._held.alive()]
            most.append(sum(storage.nbytes() for storage in stored))

        runs = [
            (tile.part, lambda tile=tile, net=together.network: net(low[(..., *tile.window)]))
            for tile in tiles
        ]
        with torch.inference_mode():
            pieces = [piece.clone() for piece in together.results(runs, look)]
        held[memory] = pieces, max(most)
    assert all(torch.equal(a, b) for a, b in zip(held[0][0], held[None][0], strict=True))
    least, most = 8 * 20 * 20 * 4, 8 * 24 * 24 * 4  # a tile's features, at the border and within
    assert held[0][1] <= 6 * most < 16 * least <= held[None][1]


@pytest.mark.parametrize("limit", [0, 1000, 2**30])
def test_memory_of_a_device_is_given_back_and_filled_again(monkeypatch, nothing_is_small, limit):
    monkeypatch.setattr(waiting, "_on_host", lambda storage: False)
    tensors = [torch.rand(n) for n in (100, 300, 100)]
    expected, attic = [tensor.clone() for tensor in tensors], waiting.Attic(limit)
    for _ in range(3):
        for tensor in tensors:
            attic.put(tensor.untyped_storage())
        assert not any(tensor.untyped_storage().nbytes() for tensor in tensors)
        for tensor in reversed(tensors):
            attic.take(key_of(tensor.untyped_storage()))
        assert all(torch.equal(*pair) for pair in zip(tensors, expected, strict=True))
    attic.close()


def test_tiles_on_a_device_give_what_they_give_here(tiny, network, monkeypatch, nothing_is_small):
    low = tiny.gradient_picture(37, 50)
    tiling = Tiling(16, halo=network.limits.reach, context="exact")
    expected = render(network, network.limits, low, tiling)
    monkeypatch.setattr(waiting, "_on_host", lambda storage: False)
    for memory in (20_000, None):
        result = render(network, network.limits, low, replace(tiling, memory=memory))
        assert torch.equal(result, expected)


def test_what_tiles_share_is_there_for_all(tiny, nothing_is_small):
    low, network, results = torch.rand(1, 3, 32, 64), tiny.Remembering(), []
    for memory in (None, 0):
        network.tables.clear()
        tiling = Tiling(16, halo=0, context="exact", memory=memory)
        results.append(render(network, network.limits, low, tiling))
    assert torch.equal(*results)


def test_a_full_disk_ends_it_with_what_would_do(tiny, monkeypatch, nothing_is_small):
    network, low = tiny.Attentive(), tiny.gradient_picture(40, 40)
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs a full device")
    with full.open("w+b", buffering=0) as file:
        monkeypatch.setattr(waiting, "unnamed_file", lambda: file)
        with pytest.raises(OSError, match=r"No space left.*context='shared'"):
            render(network, network.limits, low, Tiling(10, halo=4, context="exact", memory=0))


def test_what_waits_in_a_file_lies_where_large_pictures_do(tiny, tmp_path, nothing_is_small):
    network, low = tiny.Attentive(), tiny.gradient_picture(24, 24)
    with spooling(tmp_path / "beside"):
        render(network, network.limits, low, Tiling(12, halo=4, context="exact", memory=0))
    assert (tmp_path / "beside").is_dir()


def test_tiles_of_which_one_cannot_run_end_together(tiny, monkeypatch):
    network, started, start = tiny.Attentive(), [], threading.Thread.start

    def begin(thread):
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        start(thread)
        started.append(thread)

    monkeypatch.setattr(threading.Thread, "start", begin)
    with pytest.raises(RuntimeError, match="can't start new thread.* or context='shared'"):
        render(network, network.limits, torch.rand(1, 3, 24, 24), Tiling(8, context="exact"))
    assert len(started) == 3 and not any(thread.is_alive() for thread in started)


THREADS = """
import torch
from pathlib import Path
from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.infer.upscale import Tiling, render
from bigpicture.models.contract import Limits

network = torch.nn.Sequential(
    torch.nn.Conv2d(3, 16, 3, padding=1), ChannelAttention(16, 4), torch.nn.Conv2d(16, 3, 1)
)
most = 0

def look(pixels):
    global most
    most = max(most, len(list(Path("/proc/self/task").iterdir())))

low = torch.rand(1, 3, 256, 256)
render(network, Limits(1, 3, reach=1), low, Tiling(64, halo=1, context="exact"), look)
print(most)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for its threads")
def test_tiles_that_wait_keep_no_threads_but_their_own(alone):
    most = int(alone("-c", THREADS, env=os.environ | {"OMP_NUM_THREADS": "4"}))
    assert most <= 1 + 16 + 3 * 3  # this one, the tiles', and what they compute with
