import sys
import types
from importlib.util import find_spec

import pytest
import torch

from bigpicture.metrics import lpips as module
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
    x, y = torch.rand(2, 3, 3, 8, 8).unbind()
    scores = lpips(x - 0.2, y, network="vgg")
    expected = [(a - 0.2).clamp(0, 1).sub(b).abs().mean() for a, b in zip(x, y, strict=True)]
    torch.testing.assert_close(scores, torch.stack(expected).double())
    assert lpips(x[0], x[0], network="vgg") == 0
    assert stand_in == [("vgg", True)]


def test_unequal_sizes_are_refused(stand_in):
    with pytest.raises(ValueError, match="restored is 3×8×8 but reference is 3×8×9"):
        lpips(torch.rand(3, 8, 8), torch.rand(3, 8, 9))


@pytest.mark.skipif(find_spec("torchmetrics") is not None, reason="the extra is installed")
def test_the_missing_extra_is_named():
    with pytest.raises(ImportError, match=r"pip install 'bigpicture\[iqa\]'"):
        lpips(torch.rand(3, 8, 8), torch.rand(3, 8, 8))
