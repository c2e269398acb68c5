import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio

from bigpicture.metrics.psnr import psnr


@pytest.mark.parametrize("peak", [1, 255])
def test_agrees_with_scikit_image(peak, device):
    x, y = (peak * torch.rand(3, 20, 30, device=device) for _ in range(2))
    expected = peak_signal_noise_ratio(
        y.double().cpu().numpy(), x.double().cpu().numpy(), data_range=peak
    )
    assert psnr(x, y, peak=peak).item() == pytest.approx(expected, abs=1e-9)


def test_equal_pictures_are_infinitely_alike():
    image = torch.rand(3, 8, 8)
    assert psnr(image, image, peak=1).item() == math.inf


@given(st.floats(1e-4, 0.5), st.floats(1, 255))
def test_a_constant_error_is_its_logarithm(error, peak):
    x = torch.zeros(1, 4, 4, dtype=torch.float64)
    value = psnr(x, x + error * peak, peak=peak)
    assert value.item() == pytest.approx(-20 * math.log10(error))


def test_a_batch_is_its_pictures():
    x, y = torch.rand(2, 4, 3, 9, 9)
    expected = torch.stack([psnr(a, b, peak=1) for a, b in zip(x, y, strict=True)])
    torch.testing.assert_close(psnr(x, y, peak=1), expected)


def test_unequal_shapes_are_both_named():
    with pytest.raises(ValueError, match=r"restored is 3×8×8 but reference is 3×8×9"):
        psnr(torch.zeros(3, 8, 8), torch.zeros(3, 8, 9), peak=1)


def test_a_peak_must_be_positive():
    with pytest.raises(ValueError, match="peak is 0"):
        psnr(torch.zeros(3, 8, 8), torch.zeros(3, 8, 8), peak=0)
