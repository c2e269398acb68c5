import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bigpicture.degrade.bd import bd
from bigpicture.degrade.record import BD, Record


@pytest.mark.parametrize(("kind", "highest"), [(np.uint8, 256), (np.uint16, 65536)])
def test_agrees_with_scipy(kind, highest):
    high = np.random.default_rng(0).integers(0, highest, (31, 40, 3)).astype(kind)
    blurred = gaussian_filter(
        high[:30, :39].astype(float), 1.6, mode="nearest", radius=3, axes=(0, 1)
    )
    np.testing.assert_array_equal(bd(high), np.round(blurred[1::3, 1::3]).astype(kind))


def test_gray_and_identity_of_constants():
    assert (bd(np.full((9, 9), 77, np.uint8)) == 77).all()


@pytest.mark.parametrize("scale", [0, 2, 4, 2.5, math.inf, math.nan])
def test_a_scale_without_a_central_pixel_is_refused(scale):
    with pytest.raises(ValueError, match=f"scale is {scale}; BD keeps the centre"):
        bd(np.zeros((9, 9), np.uint8), scale)
    with pytest.raises(ValueError, match=f"scale is {scale}; BD keeps the centre"):
        Record(scale, BD()).apply(np.zeros((9, 9), np.uint8))


def test_a_whole_scale_may_be_a_float():
    high = np.random.default_rng(0).integers(0, 256, (31, 40)).astype(np.uint8)
    np.testing.assert_array_equal(bd(high, 5.0), bd(high, 5))
