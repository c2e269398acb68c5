"""The unsharp mask that Real-ESRGAN's targets go through."""

import torch
from torch.nn import functional as F

from bigpicture.degrade.sharpening import sharpen


def blurred(image):
    x = torch.arange(51, dtype=torch.float64) - 25
    line = torch.exp(-0.5 * (x / 8) ** 2)
    line /= line.sum()
    kernel = torch.outer(line, line).expand(len(image), 1, 51, 51)
    padded = F.pad(image[None], [25] * 4, mode="reflect")
    return F.conv2d(padded, kernel, groups=len(image))[0]


def test_it_agrees_with_its_formula():
    image = F.interpolate(torch.rand(1, 3, 8, 9).double(), (64, 72), mode="nearest")[0]
    detail = image - blurred(image)
    mask = blurred((detail.abs() * 255 > 10).double())
    sharp = (image + 0.5 * detail).clamp(0, 1)
    torch.testing.assert_close(sharpen(image), mask * sharp + (1 - mask) * image)


def test_what_has_no_detail_stays():
    noise = 0.5 + 0.005 * torch.randn(3, 60, 60).clamp(-3, 3)
    torch.testing.assert_close(sharpen(noise), noise, atol=0, rtol=0)


def test_edges_become_steeper_and_stay_in_range():
    edge = torch.full((1, 80, 80), 0.3)
    edge[..., 40:] = 0.7
    sharp = sharpen(edge)
    assert sharp[0, 40, 39] < 0.25 < 0.75 < sharp[0, 40, 40]
    extreme = sharpen(edge.round())
    assert extreme.min() == 0
    assert extreme.max() == 1


def test_a_single_pixel_goes_through():
    assert torch.equal(sharpen(torch.full((3, 1, 1), 0.25)), torch.full((3, 1, 1), 0.25))
