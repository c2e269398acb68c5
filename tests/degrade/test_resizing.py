import math
from typing import get_args

import pytest
import torch
from torch.nn import functional as F

from bigpicture.degrade.resizing import Method, Resize, Subsample

METHODS = get_args(Method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ratio", [0.01, 0.37, 1, 1.9, 3.999])
def test_sizes_are_relative_to_the_result(method, ratio):
    image = torch.rand(3, 40, 28, dtype=torch.float64)
    resized = Resize(method, ratio).apply(image, (10, 7))
    assert resized.shape == (3, max(1, int(10 * ratio)), max(1, int(7 * ratio)))
    beyond = 0.3 if method in ("bicubic", "imresize") else 1e-12
    assert -beyond <= resized.min() <= resized.max() <= 1 + beyond


@pytest.mark.parametrize("method", METHODS)
def test_the_same_size_is_the_same_picture(method):
    image = torch.rand(3, 40, 28, dtype=torch.float64)
    assert torch.equal(Resize(method, 4).apply(image, (10, 7)), image)


@pytest.mark.parametrize("step", [
    Resize("area", 1), Resize("coverage", 1), Resize("bilinear", 1), Resize("bicubic", 1),
    Resize("imresize", 1), Subsample(0.7, 4),
])  # fmt: skip
def test_nothing_moves(step):
    """A ramp keeps its values where cells have their centres."""
    ramp = (torch.arange(80.0, dtype=torch.float64) / 80).expand(1, 80, 80)
    small = step.apply(ramp, (20, 20))
    centres = (torch.arange(20) * 4 + 1.5) / 80
    torch.testing.assert_close(small[0, 10, 4:-4], centres[4:-4].double(), atol=1e-4, rtol=0)
    small = step.apply(ramp.mT, (20, 20))
    torch.testing.assert_close(small[0, 4:-4, 10], centres[4:-4].double(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", ["area", "coverage"])
def test_area_is_a_mean(method):
    image = torch.rand(1, 8, 8, dtype=torch.float64)
    halves = image.unfold(1, 2, 2).unfold(2, 2, 2).mean((-1, -2))
    torch.testing.assert_close(Resize(method, 1).apply(image, (4, 4)), halves)


@pytest.mark.parametrize(("before", "after"), [(7, 3), (40, 9), (3, 7), (10, 9), (5, 1)])
def test_coverage_weights_pixels_by_the_part_that_is_covered(before, after):
    image = torch.rand(3, 4, before, dtype=torch.float64)
    fine = image.repeat_interleave(after, -1)  # of which each result covers `before`
    expected = fine.unflatten(-1, (after, before)).mean(-1)
    covered = Resize("coverage", 1).apply(image, (4, after))
    torch.testing.assert_close(covered, expected)
    covered = Resize("coverage", 1).apply(image.mT, (after, 4))
    torch.testing.assert_close(covered, expected.mT)


def test_a_narrow_gaussian_between_pixels_is_their_mean():
    image = torch.rand(1, 8, 8, dtype=torch.float64)
    found = Subsample(0.01, 2).apply(image, (4, 4))
    torch.testing.assert_close(found, F.avg_pool2d(image[None], 2)[0])


def test_rounding_errors_of_the_size_lose_no_pixel():
    assert 100 * 1.15 < 115
    image = torch.rand(1, 200, 200, dtype=torch.float64)
    assert Resize("area", 1.15).apply(image, (100, 100)).shape == (1, 115, 115)


def test_a_step_of_one_only_blurs():
    dot = torch.zeros(1, 31, 40, dtype=torch.float64)
    dot[0, 15, 17] = 1
    rows, columns = (
        torch.exp(-0.5 * (torch.arange(side) - centre).double() ** 2) / math.sqrt(2 * math.pi)
        for side, centre in ((31, 15), (40, 17))
    )
    blurred = Subsample(1.0, 1).apply(dot, (3, 3))
    torch.testing.assert_close(blurred[0], torch.outer(rows, columns), atol=1e-7, rtol=0)
