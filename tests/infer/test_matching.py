import pytest
import torch

from bigpicture.image.resize import resize
from bigpicture.infer import Model, Report
from bigpicture.infer.matching import match_low
from bigpicture.models.contract import Limits


def drift_of(high, low) -> torch.Tensor:
    return (low - resize(high, size=low.shape[-2:])).abs()


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-0.5, 3.0)])
def test_what_is_told_is_of_the_result_as_it_is_returned(tiny, bounds):
    """Back-projection leaves the range of pictures at edges; what is cut off there drifts too."""
    low = tiny.gradient_picture(12, 15).round() * (bounds[1] - bounds[0]) + bounds[0]
    low = low.clamp(*bounds)
    high = resize(low, size=(24, 30)) * 0.7 + 0.2
    matched, told = match_low(high, low, bounds)
    assert bounds[0] <= matched.min() and matched.max() <= bounds[1]
    assert told["mean_before"] == pytest.approx(drift_of(high.clamp(*bounds), low).mean().item())
    assert told["mean_after"] == pytest.approx(drift_of(matched, low).mean().item())
    assert told["max_after"] == pytest.approx(drift_of(matched, low).max().item())
    assert told["mean_after"] < told["mean_before"] / 5


def test_what_does_not_drift_is_left_as_it_is():
    low = torch.full((1, 3, 8, 8), 0.25)
    matched, told = match_low(torch.full((1, 3, 16, 16), 0.25), low)
    assert torch.allclose(matched, torch.tensor(0.25)) and told["max_before"] < 1e-6


@pytest.mark.parametrize("size", [(6, 30), (24, 7), (6, 7)])
def test_smaller_results_say_nothing_of_drift(size):
    high, low = 3 * torch.rand(1, 3, *size) - 1, torch.rand(1, 3, 12, 15)
    matched, told = match_low(high, low)
    assert torch.equal(matched, high.clamp(0, 1)) and told == {}


class Tinted(torch.nn.Module):
    """Bicubic ×2, with less red and more blue."""

    limits = Limits(2, 3, reach=2)

    def forward(self, low):
        tint = torch.tensor([-0.1, 0.0, 0.1]).view(3, 1, 1)
        return resize(low, size=(2 * low.shape[-2], 2 * low.shape[-1])) + tint


@pytest.mark.parametrize("scale", [1.5, 2, 3])
@pytest.mark.parametrize("ensemble", [False, True])
def test_upscale_returns_the_colours_that_it_was_given(tiny, scale, ensemble):
    model, report = Model(Tinted(), Tinted.limits), Report()
    low = 0.1 + 0.8 * tiny.gradient_picture(16, 20)
    high = model.upscale(low, scale=scale, tile=8, ensemble=ensemble, match_low=True, report=report)
    drift = drift_of(high, low)
    assert report.drift["mean_after"] == pytest.approx(drift.mean().item(), rel=1e-3)
    assert report.drift["mean_before"] > 0.05
    assert drift.mean() < 0.005
