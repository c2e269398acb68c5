"""The shipped weights: above their floors, and the same in any tiling."""

from pathlib import Path

import pytest
import torch

import bigpicture as bp
from bigpicture.data.benchmarks import open_benchmark
from bigpicture.evaluate.run import evaluate
from bigpicture.image import read
from bigpicture.image.resize import resize
from bigpicture.metrics.protocol import SR_Y

SAMPLES = Path(__file__).parents[2] / "samples"
TILED = ["ciaosr-light", "cran-light-x2", "rgt-light-x2", "srgrn-light-x2", "uhdn-x2"]

# dB on Set5; what a training that replaces these weights must at least reach
FLOORS = {
    "ciaosr-light": 30.9,
    "cran-light-x2": 37.2,
    "rgt-light-x2": 36.2,
    "srgrn-light-x2": 37.0,
    "uhdn-x2": 37.2,
    "uhdn-x3": 33.3,
    "uhdn-x4": 31.1,
}


@pytest.mark.parametrize("name", FLOORS)
def test_scores_are_those_that_the_weights_state_and_above_their_floor(name, shared):
    model = bp.load(name)
    benchmark = open_benchmark(shared / "data/benchmarks/Set5", scale=model.scale)
    report = evaluate(model, benchmark, scale=model.scale, protocol=SR_Y)
    assert report.mean["psnr"] == pytest.approx(model.facts["scores"]["Set5"]["psnr"], abs=0.005)
    assert report.mean["psnr"] > FLOORS[name]


def test_all_that_enlarge_twice_are_here():
    assert set(TILED) == {e.name for e in bp.list_models() if e.scale == 2 or e.any_scale}


def errors_in_nine_tiles(name: str, *contexts: str) -> list[torch.Tensor]:
    """Return how far tiles are from the whole in each context, pixel by pixel, in levels of 255."""
    model = bp.load(name)
    low = read(SAMPLES / "astronaut.png").colour_tensor()[:, 40:172, 20:156]
    assert model.plan((132, 136), scale=2, tile=64).tiles == 9
    whole = model.upscale(low, scale=2, tile="off")
    results = (model.upscale(low, scale=2, tile=64, context=context) for context in contexts)
    return [255 * (result - whole).abs() for result in results]


# whole pictures of Set14, which take minutes, are what `benchmarks/tiling.py` measures
@pytest.mark.parametrize("name", TILED)
def test_tiles_that_share_come_near_the_whole_and_those_alone_do_not(name):
    alone, shared = errors_in_nine_tiles(name, "tile", "shared")
    assert shared.max() < 0.25 and shared.mean() < 0.01
    assert shared.max() < alone.max() / 20


@pytest.mark.parametrize("name", TILED)
def test_tiles_in_step_are_the_whole(name):
    (exact,) = errors_in_nine_tiles(name, "exact")
    assert exact.max() < 1e-3  # rounding


def test_whole_scales_are_no_worse_than_those_beside_them():
    """At odd ones points lie on pixels' centres, which scales of an interval hardly ever show."""
    model = bp.load("ciaosr-light")
    high = read(SAMPLES / "astronaut.png").colour_tensor()[None, :, 20:212, 60:252]

    def psnr(side: int) -> float:
        restored = model.upscale(resize(high, size=(side, side)).clamp(0, 1), size=(192, 192))
        return -10 * (restored - high).square().mean().log10().item()

    assert psnr(64) > (psnr(65) + psnr(63)) / 2 - 0.5


@pytest.mark.parametrize("name", ["uhdn-x2", "cran-light-x2"])
def test_flat_gray_stays_flat_and_gray(name):
    model = bp.load(name)
    flat = model.upscale(torch.full((3, 40, 40), 0.5), tile=16)
    assert (flat - 0.5).abs().max() < 2 / 255
    inner = flat[:, 16:-16, 16:-16]
    assert inner.max() - inner.min() < 0.5 / 255
