import sys
import types
from importlib.util import find_spec

import pytest
import torch
from torch.nn import functional as F

from bigpicture.metrics import lpips as module
from bigpicture.metrics.catalog import PERCEPTUAL
from bigpicture.metrics.lpips import lpips


@pytest.fixture(autouse=True)
def _fresh():
    module._measure.cache_clear()
    yield
    module._measure.cache_clear()


@pytest.fixture
def stand_in(monkeypatch):
    """A package torchmetrics whose LPIPS is the mean difference; what it was asked for."""
    asked = []

    class LearnedPerceptualImagePatchSimilarity(torch.nn.Module):
        def __init__(self, net_type, normalize):
            super().__init__()
            asked.append((net_type, normalize))

        def forward(self, x, y):
            assert len(x) == 1
            assert min(x.min(), y.min()) >= 0
            return (x - y).abs().mean()

    package = types.ModuleType("torchmetrics.image.lpip")
    package.LearnedPerceptualImagePatchSimilarity = LearnedPerceptualImagePatchSimilarity
    monkeypatch.setitem(sys.modules, "torchmetrics.image.lpip", package)
    return asked


def test_each_picture_is_measured_alone_by_one_network(stand_in):
    x, y = torch.rand(2, 3, 3, 16, 16).unbind()
    scores = lpips(x - 0.2, y, network="vgg")
    expected = [(a - 0.2).clamp(0, 1).sub(b).abs().mean() for a, b in zip(x, y, strict=True)]
    torch.testing.assert_close(scores, torch.stack(expected).double())
    assert lpips(x[0], x[0], network="vgg") == 0
    assert stand_in == [("vgg", True)]


def test_unequal_sizes_are_refused(stand_in):
    with pytest.raises(ValueError, match="restored is 3×8×8 but reference is 3×8×9"):
        lpips(torch.rand(3, 8, 8), torch.rand(3, 8, 9))


# Kernel, stride, padding and ceil_mode of the layers that change the size, as in torchvision.
LAYERS = {
    "alex": [(11, 4, 2, False), (3, 2, 0, False), (3, 2, 0, False)],
    "vgg": 4 * [(2, 2, 0, False)],
    "squeeze": [(3, 2, 0, False), *3 * [(3, 2, 0, True)]],
}


@pytest.mark.parametrize("network", LAYERS)
def test_the_least_size_is_that_of_the_network_s_layers(network, stand_in):
    def through(side):
        x = torch.rand(1, 1, side, 40)
        for layer in LAYERS[network]:
            kernel, stride, padding, ceil = layer
            x = F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil)
        return x

    least = module._SMALLEST[network]
    assert through(least).numel() > 0
    with pytest.raises(RuntimeError, match="too small"):
        through(least - 1)
    for height, width in ((least - 1, 40), (40, least - 1)):
        small = torch.rand(3, height, width)
        message = f"image is {width}×{height}; LPIPS with {network} needs {least} pixels"
        with pytest.raises(ValueError, match=message):
            lpips(small, small, network=network)


def test_pictures_that_are_too_small_are_found_before_the_work():
    PERCEPTUAL["lpips"].check(31, 31)
    with pytest.raises(ValueError, match="image is 24×31; LPIPS with alex needs 31 pixels a side"):
        PERCEPTUAL["lpips"].check(31, 24)


@pytest.mark.skipif(find_spec("torchmetrics") is not None, reason="the extra is installed")
def test_the_missing_extra_is_named():
    with pytest.raises(ImportError, match=r"pip install 'bigpicture\[iqa\]'"):
        lpips(torch.rand(3, 31, 31), torch.rand(3, 31, 31))
