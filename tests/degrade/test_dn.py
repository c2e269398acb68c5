import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from bigpicture.degrade.bi import bi
from bigpicture.degrade.dn import DN


def gray(level: int, kind: type = np.uint8) -> np.ndarray:
    return np.full((300, 300, 3), level, kind)


def test_a_saved_record_replays():
    drawn = DN.draw(torch.Generator().manual_seed(5))
    again = DN(**json.loads(json.dumps(asdict(drawn))))
    np.testing.assert_array_equal(drawn.apply(gray(128)), again.apply(gray(128)))


def test_draws_differ_and_leave_the_global_generator_alone():
    generator = torch.Generator().manual_seed(5)
    before = torch.get_rng_state()
    first, second = DN.draw(generator), DN.draw(generator)
    assert (first.apply(gray(128)) != second.apply(gray(128))).any()
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("kind", "unit"), [(np.uint8, 1), (np.uint16, 257)])
@pytest.mark.parametrize("sigma", [5, 30])
def test_noise_has_its_deviation(kind, unit, sigma):
    low = DN(3, sigma).apply(gray(128 * unit, kind)).astype(float) / unit
    assert low.shape == (100, 100, 3)
    assert low.mean() == pytest.approx(128, abs=4 * sigma / 3e4**0.5)
    assert low.std() == pytest.approx(sigma, rel=0.03)


def test_no_noise_is_bi():
    high = np.random.default_rng(0).integers(0, 256, (30, 33, 3)).astype(np.uint8)
    np.testing.assert_array_equal(DN(1, 0).apply(high, 2), bi(high, 2))


def test_clipped_not_wrapped():
    assert (DN(1).apply(gray(255)) > 100).all()


@pytest.mark.parametrize("sigma", [-1, float("inf")])
def test_nonsense_is_refused(sigma):
    with pytest.raises(ValueError, match=f"sigma is {sigma}"):
        DN(1, sigma)
