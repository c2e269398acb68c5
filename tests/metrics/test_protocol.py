import math
from dataclasses import FrozenInstanceError

import pytest
import torch

from bigpicture.metrics.protocol import PROTOCOLS, SR_RGB, SR_Y, luma
from bigpicture.metrics.psnr import psnr


def levels(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape) / 255


def test_named_and_frozen():
    assert PROTOCOLS == {"sr-y": SR_Y, "sr-rgb": SR_RGB}
    with pytest.raises(FrozenInstanceError):
        SR_Y.margin = 2


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
@pytest.mark.parametrize("channels", [1, 3])
def test_equal_pictures(protocol, channels):
    image = levels(channels, 40, 40)
    assert protocol.score(image, image, 2) == {"psnr": math.inf, "ssim": 1.0}


@pytest.mark.parametrize(("protocol", "border"), [(SR_Y, 3), (SR_RGB, 9)])
def test_only_the_inside_counts(protocol, border):
    reference = levels(3, 48, 40)
    restored = levels(3, 48, 40)
    inside = (..., slice(border, -border), slice(border, -border))
    restored[inside] = reference[inside]
    assert protocol.score(restored, reference, 2.4)["ssim"] == 1
    restored[0, border, border] = 1 - reference[0, border, border]
    assert protocol.score(restored, reference, 2.4)["ssim"] < 1


def test_rounds_to_eight_bits_and_clips():
    reference = levels(3, 30, 30).clamp(1 / 255, 254 / 255)
    almost = reference + 0.4 / 255 * torch.rand(3, 30, 30)
    assert SR_RGB.score(almost, reference, 1)["psnr"] == math.inf
    white = torch.ones(3, 30, 30)
    assert SR_Y.score(white + 0.5, white, 1)["psnr"] == math.inf


def test_luma_of_colour_and_gray_as_it_is():
    black, white = torch.zeros(3, 1, 1), torch.full((3, 1, 1), 255.0)
    assert (luma(black).item(), luma(white).item()) == (16, 235)
    x, y = levels(3, 20, 20), levels(3, 20, 20)
    inside = (..., slice(2, -2), slice(2, -2))
    expected = psnr(luma(255 * x.double())[inside], luma(255 * y.double())[inside], peak=255)
    assert SR_Y.score(x, y, 2)["psnr"] == pytest.approx(expected.item(), abs=1e-4)
    gray = psnr(x[:1][inside], y[:1][inside], peak=1).item()
    assert SR_Y.score(x[:1], y[:1], 2)["psnr"] == pytest.approx(gray, abs=1e-4)


def test_a_batch_of_one_is_its_picture():
    x, y = levels(2, 3, 20, 20)
    assert SR_Y.score(x[None], y[None], 2) == SR_Y.score(x, y, 2)


@pytest.mark.parametrize(
    ("restored", "reference", "scale", "message"),
    [
        ((3, 20, 20), (3, 20, 22), 2, "restored is 3×20×20 but reference is 3×20×22"),
        ((2, 3, 20, 20), (2, 3, 20, 20), 2, "give one gray or RGB picture"),
        ((4, 20, 20), (4, 20, 20), 2, "give one gray or RGB picture"),
        ((3, 18, 40), (3, 18, 40), 4, "40×18; sr-y at scale 4 cuts 4 .* at least 19 a side"),
        ((3, 20, 20), (3, 20, 20), -2, "scale is -2"),
    ],
)
def test_nonsense_is_refused(restored, reference, scale, message):
    with pytest.raises(ValueError, match=message):
        SR_Y.score(torch.zeros(restored), torch.zeros(reference), scale)
