import pytest
import torch

from bigpicture.image import read
from bigpicture.metrics.niqe import fit, niqe
from bigpicture.metrics.protocol import luma


def test_baboon_has_the_published_value(shared):
    """5.72957 is MATLAB R2021a's of the authors' release, stated by BasicSR, for the luma."""
    picture = read(shared / "data" / "benchmarks" / "Set14" / "HR" / "baboon.png").colour_tensor()
    assert niqe(luma(picture.double() * 255) / 255).item() == pytest.approx(5.72957, abs=2e-4)


def test_whole_blocks_count(cat):
    h, w = (96 * (side // 96) for side in cat.shape[1:])
    assert niqe(cat) == niqe(cat[:, :h, :w])


def test_pictures_of_your_own_can_be_the_pristine_ones(cat):
    pristine = fit([cat, cat.flip(-1), cat.mT, cat[:, 20:, 30:], cat[:, 50:, 60:]] * 3)
    assert pristine.mean.shape == (36,)
    torch.testing.assert_close(pristine.covariance, pristine.covariance.T)
    assert niqe(cat, pristine) < niqe(cat + 0.1 * torch.randn_like(cat), pristine)


def test_too_few_blocks_are_refused(cat):
    with pytest.raises(ValueError, match="image is 100×191; NIQE needs two whole blocks"):
        niqe(cat[:, :191, :100])
    with pytest.raises(ValueError, match="images is empty"):
        fit([])
    with pytest.raises(ValueError, match="sharp blocks; give pictures with more"):
        fit([cat])


def test_no_texture_has_no_value():
    assert niqe(torch.full((3, 192, 192), 0.5)).isnan()
