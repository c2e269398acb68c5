import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bigpicture.degrade.bd import bd


@pytest.mark.parametrize(("kind", "highest"), [(np.uint8, 256), (np.uint16, 65536)])
def test_agrees_with_scipy(kind, highest):
    high = np.random.default_rng(0).integers(0, highest, (31, 40, 3)).astype(kind)
    blurred = gaussian_filter(
        high[:30, :39].astype(float), 1.6, mode="nearest", radius=3, axes=(0, 1)
    )
    np.testing.assert_array_equal(bd(high), np.round(blurred[1::3, 1::3]).astype(kind))


def test_gray_and_identity_of_constants():
    assert (bd(np.full((9, 9), 77, np.uint8)) == 77).all()


@pytest.mark.parametrize("scale", [2, 4])
def test_an_even_scale_is_refused(scale):
    with pytest.raises(ValueError, match=f"scale is {scale}; BD keeps the centre"):
        bd(np.zeros((9, 9), np.uint8), scale)
