"""NIQE, BRISQUE and PIQE: properties that all of them have."""

import pytest
import torch
from torch.nn import functional as F

from bigpicture.degrade.compression import Compression
from bigpicture.image.resize import resize
from bigpicture.metrics.catalog import PERCEPTUAL

METRICS = {name: m.measure for name, m in PERCEPTUAL.items() if not m.needs_reference}
pytestmark = pytest.mark.parametrize("measure", METRICS.values(), ids=METRICS)


def test_noise_makes_it_worse(measure, cat):
    noisy = [measure(cat + sigma / 255 * torch.randn_like(cat)) for sigma in (0, 15, 50)]
    assert noisy[0] < noisy[1] < noisy[2]


def test_blur_makes_it_worse(measure, cat):
    blurred = F.interpolate(resize(cat, scale=0.25)[None], cat.shape[1:], mode="bilinear")[0]
    assert measure(cat) < measure(blurred)


def test_compression_makes_it_worse(measure, cat):
    assert measure(cat) < measure(Compression("jpeg", 8).apply(cat, (1, 1)))


def test_a_batch_is_its_pictures_one_by_one(measure, cat):
    batch = torch.stack([cat, cat.flip(-1), cat * 0.5])
    alone = torch.stack([measure(each) for each in batch])
    assert torch.equal(measure(batch), alone)
    assert measure(batch[None]).shape == (1, 3)
    assert alone.dtype == torch.float64


def test_what_counts_is_gray_in_8_bits(measure, cat):
    weights = torch.tensor([0.298936021293776, 0.587043074451121, 0.114020904255103])
    levels = torch.tensordot(weights.double(), (cat * 255).round().double(), 1).round()
    assert measure(cat) == measure(levels[None] / 255)
    assert measure(cat) == measure(cat.double())
    assert measure(cat * 1.5) == measure((cat * 1.5).clamp(0, 1))


def test_the_global_generator_is_left_alone(measure, cat):
    before = torch.get_rng_state()
    measure(cat)
    assert torch.equal(before, torch.get_rng_state())


def test_other_channels_are_refused(measure):
    with pytest.raises(ValueError, match="image has 4 channels"):
        measure(torch.zeros(4, 200, 200))
