"""What the engine does when a device has too little memory or precision, and when it is to stop."""

import gc
import threading
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.image import Separations
from bigpicture.image.resize import resize
from bigpicture.infer import Cancelled, EngineWarning, Model, Report
from bigpicture.infer.memory import ENOUGH, bytes_per_pixel, in_bytes, is_out_of_memory
from bigpicture.infer.soundness import UnsoundError
from bigpicture.models.contract import Limits


class Cramped(nn.Module):
    """Nearest neighbours ×2, on a device that holds pictures of so many pixels."""

    limits = Limits(2, 3, reach=0)

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.pixels = pixels
        self.tried: list[int] = []

    def forward(self, low):
        self.tried.append(low.shape[-1] * low.shape[-2])
        if self.tried[-1] > self.pixels:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return low.repeat_interleave(2, -1).repeat_interleave(2, -2)


class Overflowing(nn.Module):
    """×1; in low precision everything becomes one `value`."""

    limits = Limits(1, 3, reach=0)

    def __init__(self, value: float, always: bool = False) -> None:
        super().__init__()
        self.value, self.always = value, always

    def forward(self, low):
        broken = self.always or torch.is_autocast_enabled("cpu")
        return torch.full_like(low, self.value) if broken else low.clone()


def test_what_does_not_fit_goes_on_in_smaller_tiles_and_nothing_is_lost():
    network = Cramped(50 * 50)
    model, low, report, seen = (
        Model(network, network.limits),
        torch.rand(1, 3, 90, 150),
        Report(),
        [],
    )
    with pytest.warns(EngineWarning) as caught:
        result = model.upscale(
            low, tile="off", report=report, progress=lambda *done: seen.append(done)
        )
    assert torch.equal(result, low.repeat_interleave(2, -1).repeat_interleave(2, -2))
    assert report.tiles == [3 * 4]
    assert report.warnings == [str(each.message) for each in caught]
    assert "out of memory with tiles of 75 pixels; going on with 38" in report.warnings
    assert seen[-1][0] == seen[-1][1]


def test_memory_that_nothing_fits_into_is_told():
    network = Cramped(1)
    with pytest.warns(EngineWarning), pytest.raises(MemoryError, match="tiles of 32 pixels do not"):
        Model(network, network.limits).upscale(torch.rand(1, 3, 64, 64))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("std::bad_alloc"), True),
        (MemoryError(), True),
        (RuntimeError("sizes of tensors must match"), False),
        (RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_out_of_memory_is_told_from_other_errors(error, told):
    assert is_out_of_memory(error) == told


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_what_low_precision_breaks_is_computed_again(value):
    model, low, report = (
        Model(Overflowing(value), Overflowing.limits),
        torch.rand(1, 3, 8, 8),
        Report(),
    )
    with pytest.warns(EngineWarning, match="in bf16; computed again in fp32"):
        assert torch.equal(model.upscale(low, precision="bf16", report=report), low)
    assert report.tiles == [1]


def test_an_even_picture_may_become_an_even_picture():
    model = Model(Overflowing(0.5), Overflowing.limits)
    result = model.upscale(torch.full((1, 3, 4, 4), 0.25), precision="bf16")
    assert (result == 0.5).all()


def test_a_network_that_makes_no_numbers_at_all_is_refused():
    model = Model(Overflowing(float("nan"), always=True), Overflowing.limits)
    with pytest.raises(UnsoundError, match="NaN"):
        model.upscale(torch.rand(1, 3, 4, 4), precision="fp32")


def test_a_sign_to_stop_stops_before_the_next_tile(tiny):
    stop, done = threading.Event(), []

    def progress(now, total):
        done.append(now)
        if len(done) == 2:
            stop.set()

    with pytest.raises(Cancelled):
        tiny.nearest().upscale(torch.rand(1, 3, 64, 64), tile=16, progress=progress, cancel=stop)
    assert len(done) == 2


def test_shrunk_again_a_matched_result_is_what_went_in(tiny):
    class Tinted(nn.Module):
        limits = Limits(2, 3, reach=0)

        def forward(self, low):
            return resize(low, size=(2 * low.shape[-2], 2 * low.shape[-1])) * 0.8 + 0.05

    low, report = tiny.gradient_picture(20, 30), Report()
    high = Model(Tinted(), Tinted.limits).upscale(low, match_low=True, report=report)
    assert report.drift["mean_before"] > 0.02
    assert report.drift["mean_after"] < 0.004
    assert (resize(high, size=(20, 30)) - low).abs().mean() < 0.004


@pytest.mark.parametrize("budget", ["", "lots", "0", -3, "2X"])
def test_budgets_that_are_none(budget):
    with pytest.raises(ValueError, match=r"'500M' or '2G', not"):
        in_bytes(budget)


def test_a_budget_bounds_the_tiles(tiny):
    model = Model(tiny.Attentive(), tiny.Attentive().limits)
    sides = [
        model.plan((900, 900), memory=budget).passes[0].tiling.side for budget in ("4M", "16M")
    ]
    assert sides[0] is not None and sides[1] is not None
    assert 1.8 < (sides[1] + 8) / (sides[0] + 8) < 2.2


def test_without_a_budget_tiles_on_the_processor_take_what_is_enough(tiny, monkeypatch):
    model = Model(tiny.Attentive(), tiny.Attentive().limits)
    monkeypatch.setattr("bigpicture.infer.model.free_bytes", lambda device: 2**35)
    cost = bytes_per_pixel(model.network, model.limits, model.device)
    side = model.plan((40_000, 40_000)).passes[0].tiling.side
    assert side is not None and (side + 8) ** 2 * cost <= ENOUGH < (side + 9) ** 2 * cost
    whole = int((2**33 / cost) ** 0.5)
    assert model.plan((whole, whole)).passes[0].tiling.side is None


def test_half_a_budget_is_for_tiles_that_wait(tiny):
    model = Model(tiny.Attentive(), tiny.Attentive().limits)
    plans = {
        context: model.plan((9000, 9000), memory=budget, context=context).passes[0].tiling
        for context, budget in (("shared", "8M"), ("exact", "16M"))
    }
    assert plans["exact"].side == plans["shared"].side
    assert plans["exact"].memory == 8 * 2**20


def test_a_picture_of_a_batch_keeps_its_own_range(tiny):
    batch = torch.rand(3, 3, 8, 8) * torch.tensor([1.0, 4.0, 1.0]).view(3, 1, 1, 1)
    batch[2] -= 1
    model = tiny.attentive()
    for options in ({}, {"scale": 1.7}, {"scale": 3, "match_low": True}):
        together = model.upscale(batch, **options)
        alone = [model.upscale(each, **options) for each in batch]
        assert torch.allclose(together, torch.stack(alone), atol=1e-5)


def test_all_tiles_are_counted(tiny):
    low, tiles = torch.rand(1, 4, 16, 24), {}
    for ensemble in (False, True):
        report = Report()
        tiny.nearest().upscale(low, tile=8, scale=4, ensemble=ensemble, report=report)
        tiles[ensemble] = sum(report.tiles)
    colour_and_alpha = 2 * (6 + 24)
    assert tiles == {False: colour_and_alpha, True: 8 * colour_and_alpha}


def test_tiles_that_did_not_fit_are_not_tried_again():
    """For opacity, for each turn of an ensemble, and for black ink."""
    inks = Separations.from_array(np.random.randint(0, 256, (100, 100, 4), np.uint8))
    for image, options, runs in (
        (torch.rand(1, 4, 100, 100), {}, 2),
        (torch.rand(1, 3, 100, 100), {"ensemble": True}, 8),
        (inks, {}, 2),
    ):
        network, report = Cramped(50 * 50), Report()
        with pytest.warns(EngineWarning) as caught:
            Model(network, network.limits).upscale(image, tile="off", report=report, **options)
        told = ["out of memory with tiles of 100 pixels; going on with 50"]
        assert [str(each.message) for each in caught] == told == report.warnings
        assert report.tiles == [4] * runs
        assert sum(pixels > network.pixels for pixels in network.tried) == 1


class CrampedAndOverflowing(Cramped):
    def forward(self, low):
        high = super().forward(low)
        return high * float("nan") if torch.is_autocast_enabled("cpu") else high


def test_nor_are_they_in_float32():
    network, low, report = CrampedAndOverflowing(50 * 50), torch.rand(1, 3, 100, 100), Report()
    with pytest.warns(EngineWarning):
        Model(network, network.limits).upscale(low, tile="off", precision="bf16", report=report)
    assert [message.split()[0] for message in report.warnings] == ["out", "the"]
    assert report.tiles == [4]


class Summing(nn.Module):
    """Fails for windows that are too large, with features in its local variables."""

    limits = Limits(1, 3, reach=0)

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.attention = ChannelAttention(3, 1)
        self.pixels = pixels
        self.failed: list[weakref.ref] = []

    def forward(self, low):
        features = low + 1
        if low[0, 0].numel() > self.pixels:
            self.failed.append(weakref.ref(features))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.attention(features)


@pytest.mark.parametrize("context", ["shared", "exact"])
def test_what_a_failed_attempt_took_is_free_before_the_next(monkeypatch, context):
    network, freed = Summing(30 * 30), []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        torch.cuda, "empty_cache", lambda: freed.append(network.failed[-1]() is None)
    )
    gc.disable()  # which would find cycles
    try:
        with pytest.warns(EngineWarning):
            Model(network, network.limits).upscale(
                torch.rand(1, 3, 80, 80), tile=60, context=context
            )
    finally:
        gc.enable()
    assert freed == [True]


def test_smaller_tiles_may_be_too_many_to_run_together():
    network = Summing(40 * 40)
    model, low = Model(network, network.limits), torch.rand(1, 3, 1440, 1440)
    with (
        pytest.warns(EngineWarning, match="going on with 32"),
        pytest.raises(ValueError, match="all 2025 tiles at once"),
    ):
        model.upscale(low, tile=64, context="exact")


def test_a_result_that_does_not_fit_is_no_fault_of_tiles(tiny, monkeypatch):
    whole, empty, filled = (1, 3, 128, 128), torch.empty, np.empty

    def full(*shape, **options):
        if shape in (whole, (whole,)):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return empty(*shape, **options)

    def full_too(shape, *options):
        if shape == (128, 128, 3):
            raise MemoryError(f"Unable to allocate an array with shape {shape}")
        return filled(shape, *options)

    monkeypatch.setattr(torch, "empty", full)
    with pytest.raises(MemoryError, match="128 × 128 pixels are .* which do not fit"):
        tiny.nearest().upscale(torch.rand(1, 3, 64, 64), tile=16)
    pixels = np.zeros((64, 64, 3), np.uint8)
    monkeypatch.setattr("bigpicture.image.spool.np.empty", full_too)
    with pytest.raises(MemoryError, match=r"Unable to allocate .* \(128, 128, 3\)"):
        tiny.nearest().upscale(pixels, tile=16)


def test_what_auto_has_chosen_is_named(monkeypatch):
    monkeypatch.setattr("bigpicture.infer.precision._has_units", lambda device: True)
    low = torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8)
    with pytest.warns(EngineWarning, match="in bf16; computed again in fp32"):
        Model(Overflowing(float("nan")), Overflowing.limits).upscale(low)


def test_a_report_of_several_pictures_has_the_tiles_of_all(tiny):
    report = Report()
    tiny.nearest().upscale(torch.rand(1, 3, 8, 16), tile=8, report=report)
    model = Model(Overflowing(float("nan")), Overflowing.limits)
    with pytest.warns(EngineWarning):
        model.upscale(torch.rand(1, 3, 8, 8), precision="bf16", report=report)
    assert report.tiles == [2, 1]


TWO_PICTURES = """
import sys, torch
from bigpicture.infer import Model
from bigpicture.models.contract import Limits

class Cramped(torch.nn.Module):
    def forward(self, low):
        if low.shape[-1] > 32:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return low

sys.stderr = sys.stdout
for _ in range(2):
    Model(Cramped(), Limits(1, 3, reach=0)).upscale(torch.rand(1, 3, 40, 40), tile="off")  # here
"""


def test_a_second_picture_is_warned_of_like_the_first(alone):
    line = TWO_PICTURES[: TWO_PICTURES.index("# here")].count("\n") + 1
    warning = f"<string>:{line}: EngineWarning: out of memory with tiles of 40 pixels"
    assert alone("-c", TWO_PICTURES).count(warning) == 2
