import numpy as np
import pytest

from bigpicture.degrade.bd import bd
from bigpicture.degrade.bi import bi
from bigpicture.degrade.dn import DN
from bigpicture.degrade.standard import STANDARD


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 196, (96, 96, 3), np.uint8)


def test_bi_and_bd_are_those_of_their_names():
    np.testing.assert_array_equal(STANDARD["bi"](picture(0), 2), bi(picture(0), 2))
    np.testing.assert_array_equal(STANDARD["bd"](picture(0), 3), bd(picture(0), 3))
    with pytest.raises(ValueError, match="scale is 2.5; BD keeps the centre"):
        STANDARD["bd"](picture(0), 2.5)


def test_noise_is_a_function_of_the_picture_alone():
    """Those of two pictures have nothing in common, and one's is the same again."""
    first, other = (STANDARD["dn"](picture(seed), 3).astype(float) for seed in (0, 1))
    np.testing.assert_array_equal(first, STANDARD["dn"](picture(0), 3))
    noises = [low - bi(picture(seed), 3) for seed, low in enumerate((first, other))]
    assert all(noise.std() == pytest.approx(DN(0).sigma, rel=0.1) for noise in noises)
    assert abs(np.corrcoef(*(noise.ravel() for noise in noises))[0, 1]) < 0.1
