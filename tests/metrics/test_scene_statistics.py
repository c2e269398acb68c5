import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import gennorm

from bigpicture.metrics.scene_statistics import (
    blocks_of,
    fit_asymmetric,
    fit_symmetric,
    gray_levels,
    neighbour_products,
    normalise,
)


@pytest.mark.parametrize(("beyond", "mode"), [("zeros", "constant"), ("edge", "nearest")])
def test_normalising_agrees_with_scipy(beyond, mode):
    levels = np.random.default_rng(0).uniform(0, 255, (20, 31))
    mean = gaussian_filter(levels, 7 / 6, mode=mode, radius=3)
    deviation = np.sqrt(np.abs(gaussian_filter(levels**2, 7 / 6, mode=mode, radius=3) - mean**2))
    mscn, found = normalise(torch.from_numpy(levels), beyond)
    np.testing.assert_allclose(found, deviation)
    np.testing.assert_allclose(mscn, (levels - mean) / (deviation + 1), atol=1e-12)


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0, 4.0])
def test_fits_find_the_shape_that_samples_were_drawn_from(shape):
    drawn = gennorm.rvs(shape, size=(200, 1000), random_state=0)
    found, variance = fit_symmetric(torch.from_numpy(drawn))
    assert found.item() == pytest.approx(shape, rel=0.02)
    assert variance.item() == pytest.approx(gennorm.var(shape), rel=0.03)
    fitted = fit_asymmetric(torch.from_numpy(drawn))
    assert fitted.shape.item() == pytest.approx(shape, rel=0.02)
    assert fitted.left.item() == pytest.approx(fitted.right.item(), rel=0.03)


def test_an_asymmetric_distribution_is_found():
    drawn = gennorm.rvs(1.5, size=(500, 1000), random_state=0)
    # Twice as wide on the right, where there are then twice as many samples.
    rng = np.random.default_rng(1)
    skewed = np.where(rng.uniform(size=drawn.shape) < 2 / 3, 2, -1) * np.abs(drawn)
    fitted = fit_asymmetric(torch.from_numpy(skewed))
    assert fitted.shape.item() == pytest.approx(1.5, rel=0.02)
    assert (fitted.right / fitted.left).item() == pytest.approx(2, rel=0.01)
    mean = (fitted.right - fitted.left) * fitted.spread() * fitted.imbalance()
    assert mean.item() == pytest.approx(skewed.mean(), rel=0.02)


def test_many_sets_are_fitted_as_one_by_one():
    x = torch.randn(3, 9, 8, dtype=torch.float64)
    together = fit_asymmetric(x)
    for i, each in enumerate(x):
        for one, all_of_them in zip(fit_asymmetric(each), together, strict=True):
            torch.testing.assert_close(one, all_of_them[i])


def test_no_texture_has_no_shape():
    assert fit_asymmetric(torch.zeros(4, 4, dtype=torch.float64)).shape.isnan()


def test_neighbours_are_left_above_and_diagonal():
    x = torch.arange(12.0).view(3, 4)
    left, above, falling, rising = neighbour_products(x)
    assert left[1, 2] == x[1, 2] * x[1, 1]
    assert above[1, 2] == x[1, 2] * x[0, 2]
    assert falling[1, 2] == x[1, 2] * x[0, 1]
    assert rising[1, 2] == x[1, 2] * x[2, 1]
    assert left[0, 0] == x[0, 0] * x[0, 3]


def test_blocks_are_in_reading_order():
    x = torch.arange(6.0 * 9).view(6, 9)
    blocks = blocks_of(x, 3)
    torch.testing.assert_close(blocks[1], x[:3, 3:6])
    torch.testing.assert_close(blocks[3], x[3:, :3])
    assert blocks_of(x, 4).shape == (2, 4, 4)


def test_gray_is_rounded_levels():
    assert gray_levels(torch.full((3, 1, 1), 2.0)).item() == 255
    assert gray_levels(torch.tensor([1.0, 0, 0]).view(3, 1, 1)).item() == 76
    with pytest.raises(ValueError, match="image has 2 channels"):
        gray_levels(torch.zeros(2, 4, 4))
