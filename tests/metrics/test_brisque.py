import numpy as np
import pytest
import torch

from bigpicture.metrics import brisque as module
from bigpicture.metrics.brisque import brisque
from bigpicture.metrics.parameters import load

# Of a distorted picture of TID2008 (i04_14_1), by the authors' MATLAB program; PyBRISQUE's tests
# state these features and the score, 52.521.
FEATURES = (
    "2.187000 0.305119 0.731000 0.046159 0.078954 0.124348 0.735000 0.032419 0.086307 0.118338 "
    "0.733000 -0.020298 0.112611 0.092477 0.730000 -0.022557 0.114732 0.092231 2.103000 0.360946 "
    "0.731000 -0.055774 0.183185 0.116578 0.734000 -0.046589 0.179101 0.123198 0.730000 -0.037948 "
    "0.168773 0.123828 0.725000 -0.033253 0.165621 0.126170"
)


def test_the_regression_gives_matlab_s_score():
    features = torch.tensor([float(value) for value in FEATURES.split()], dtype=torch.float64)
    assert module._regression(features).item() == pytest.approx(52.521, abs=5e-4)


def test_the_model_is_whole():
    model = load("brisque")
    assert model["vectors"].shape == (774, 36)
    # An ε-SVR's coefficients add up to 0, and none is beyond its C, here 1024.
    assert model["coefficients"].sum().abs() < 0.05
    assert model["coefficients"].abs().max() == 1024


def test_features_follow_the_paper(cat):
    """Straight from the definitions, in NumPy, at full size."""
    from scipy.ndimage import gaussian_filter
    from scipy.special import gamma

    weights = (0.298936021293776, 0.587043074451121, 0.114020904255103)
    levels = np.round(np.tensordot(weights, np.round(cat.double().numpy() * 255), 1))
    mean = gaussian_filter(levels, 7 / 6, mode="constant", radius=3)
    square = gaussian_filter(levels**2, 7 / 6, mode="constant", radius=3)
    mscn = (levels - mean) / (np.sqrt(np.abs(square - mean**2)) + 1)
    grid = np.arange(0.2, 10.0005, 0.001)
    moments = gamma(2 / grid) ** 2 / (gamma(1 / grid) * gamma(3 / grid))
    ratio = np.mean(mscn**2) / np.mean(np.abs(mscn)) ** 2
    expected = [grid[np.argmin(np.abs(ratio - 1 / moments))], np.mean(mscn**2)]
    for shift in ((0, 1), (1, 0), (1, 1), (-1, 1)):
        pair = mscn * np.roll(mscn, shift, (0, 1))
        left, right = (np.sqrt(np.mean(pair[s] ** 2)) for s in (pair < 0, pair > 0))
        g = left / right
        ratio = np.mean(np.abs(pair)) ** 2 / np.mean(pair**2)
        ratio *= (g**3 + 1) * (g + 1) / (g**2 + 1) ** 2
        alpha = grid[np.argmin(np.abs(ratio - moments))]
        mean = (right - left) * gamma(2 / alpha) / gamma(1 / alpha)
        mean *= np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
        expected += [alpha, mean, left**2, right**2]
    np.testing.assert_allclose(module._features(cat)[:18], expected, rtol=1e-6, atol=1e-9)


def test_small_pictures_are_refused():
    with pytest.raises(ValueError, match="image is 40×15; BRISQUE needs 16"):
        brisque(torch.rand(3, 15, 40))
