import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from bigpicture.metrics.ssim import ssim


def by_scikit_image(x: torch.Tensor, y: torch.Tensor, peak: float) -> float:
    """Their map is of the whole picture; the valid area lies half a window inside."""
    _, values = structural_similarity(
        x.double().cpu().numpy(),
        y.double().cpu().numpy(),
        data_range=peak,
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return float(np.mean(values[:, 5:-5, 5:-5]))


@pytest.mark.parametrize("peak", [1, 255])
@pytest.mark.parametrize("shape", [(1, 11, 11), (3, 24, 31)])
@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_agrees_with_scikit_image(peak, shape, noise, device):
    x = torch.rand(shape, device=device)
    y = (x + noise * torch.randn(shape, device=device)).clamp(0, 1)
    x, y = peak * x, peak * y
    expected = by_scikit_image(x, y, peak)
    assert ssim(x, y, peak=peak).item() == pytest.approx(expected, abs=1e-10)


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_symmetric_bounded_and_one_for_equals(seed):
    x, y = torch.rand(2, 3, 13, 12, generator=torch.Generator().manual_seed(seed))
    value = ssim(x, y, peak=1)
    torch.testing.assert_close(value, ssim(y, x, peak=1))
    assert -1 <= value.item() < 1
    assert ssim(x, x, peak=1).item() == 1


def test_a_batch_is_its_pictures():
    x, y = torch.rand(2, 4, 3, 14, 12)
    expected = torch.stack([ssim(a, b, peak=1) for a, b in zip(x, y, strict=True)])
    torch.testing.assert_close(ssim(x, y, peak=1), expected)


def test_a_picture_below_the_window_is_refused():
    with pytest.raises(ValueError, match="10×40 but SSIM's window is 11×11"):
        ssim(torch.zeros(3, 10, 40), torch.zeros(3, 10, 40), peak=1)


def test_unequal_shapes_are_both_named():
    with pytest.raises(ValueError, match=r"restored is 3×16×16 but reference is 1×16×16"):
        ssim(torch.zeros(3, 16, 16), torch.zeros(1, 16, 16), peak=1)
