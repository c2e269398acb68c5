import pytest
import torch

from bigpicture.degrade.resizing import METHODS, Resize, Subsample


@pytest.mark.parametrize("method", [*METHODS, "imresize"])
@pytest.mark.parametrize("ratio", [0.01, 0.37, 1, 1.9, 3.999])
def test_sizes_are_relative_to_the_result(method, ratio):
    image = torch.rand(3, 40, 28, dtype=torch.float64)
    resized = Resize(method, ratio).apply(image, (10, 7))
    assert resized.shape == (3, max(1, int(10 * ratio)), max(1, int(7 * ratio)))
    assert resized.min() >= 0
    assert resized.max() <= 1


@pytest.mark.parametrize("method", [*METHODS, "imresize"])
def test_the_same_size_is_the_same_picture(method):
    image = torch.rand(3, 40, 28, dtype=torch.float64)
    assert torch.equal(Resize(method, 4).apply(image, (10, 7)), image)


@pytest.mark.parametrize("step", [
    Resize("area", 1), Resize("bilinear", 1), Resize("bicubic", 1), Resize("imresize", 1),
    Subsample(0.7, 4),
])  # fmt: skip
def test_nothing_moves(step):
    """A ramp keeps its values where cells have their centres."""
    ramp = (torch.arange(80.0, dtype=torch.float64) / 80).expand(1, 80, 80)
    small = step.apply(ramp, (20, 20))
    centres = (torch.arange(20) * 4 + 1.5) / 80
    torch.testing.assert_close(small[0, 10, 4:-4], centres[4:-4].double(), atol=1e-4, rtol=0)
    small = step.apply(ramp.mT, (20, 20))
    torch.testing.assert_close(small[0, 4:-4, 10], centres[4:-4].double(), atol=1e-4, rtol=0)


def test_area_is_a_mean():
    image = torch.rand(1, 8, 8, dtype=torch.float64)
    halves = image.unfold(1, 2, 2).unfold(2, 2, 2).mean((-1, -2))
    torch.testing.assert_close(Resize("area", 1).apply(image, (4, 4)), halves)


def test_a_step_of_one_only_blurs():
    assert Subsample(1.0, 1).apply(torch.rand(3, 9, 8).double(), (3, 3)).shape == (3, 9, 8)
