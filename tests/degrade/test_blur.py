import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from bigpicture.degrade.blur import Bell, Blur, Sinc, convolve


@pytest.mark.parametrize("size", [(30, 41), (5, 64), (3, 2), (1, 1), (1, 9)])
@pytest.mark.parametrize("side", [1, 7, 21])
def test_agrees_with_scipy(size, side):
    rng = np.random.default_rng(0)
    image, kernel = rng.uniform(size=(3, *size)), rng.uniform(size=(side, side))
    # "mirror" repeats a single row, as we do, but not with an axis of one pixel in old versions.
    expected = np.stack([correlate(plane, kernel, mode="mirror") for plane in image])
    found = convolve(torch.from_numpy(image), torch.from_numpy(kernel))
    np.testing.assert_allclose(found, expected, atol=1e-12 * side**2)


@pytest.mark.parametrize(
    "kernel",
    [
        Bell("gaussian", 21, (3.0, 0.3), 0.5),
        Bell("generalised", 7, (1.0, 1.0), 0.0, 0.5),
        Bell("plateau", 15, (1.0, 2.0), 0.0, 2.0),
        Sinc(13, 1.0),
    ],
)
def test_flat_pictures_stay_flat(kernel):
    flat = torch.full((1, 20, 30), 0.3, dtype=torch.float64)
    torch.testing.assert_close(Blur(kernel).apply(flat, (5, 5)), flat)


def test_a_narrow_bell_changes_nothing():
    image = torch.rand(3, 20, 30, dtype=torch.float64)
    blurred = Blur(Bell("gaussian", 7, (1e-3, 1e-3))).apply(image, (5, 5))
    torch.testing.assert_close(blurred, image)
