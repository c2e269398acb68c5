import pytest
import torch

from bigpicture.degrade.draw import chance, choose, integer, seed, shuffled, uniform


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(1)


def test_uniform_fills_its_interval(generator):
    drawn = [uniform(generator, -1, 3) for _ in range(2000)]
    assert -1 < min(drawn) < -0.99
    assert 2.99 < max(drawn) <= 3
    assert sum(drawn) / 2000 == pytest.approx(1, abs=0.1)


def test_integers_include_both_ends(generator):
    assert {integer(generator, 2, 4) for _ in range(100)} == {2, 3, 4}


def test_chances(generator):
    assert not any(chance(generator, 0) for _ in range(1000))
    assert all(chance(generator, 1) for _ in range(1000))
    assert sum(chance(generator, 0.3) for _ in range(2000)) / 2000 == pytest.approx(0.3, abs=0.04)


def test_weights(generator):
    drawn = [choose(generator, {"a": 1, "b": 0, "c": 3}) for _ in range(2000)]
    assert drawn.count("c") / 2000 == pytest.approx(0.75, abs=0.04)
    assert "b" not in drawn
    assert {choose(generator, "xyz") for _ in range(100)} == set("xyz")


def test_orders_are_equally_likely(generator):
    drawn = ["".join(shuffled(generator, "abc")) for _ in range(3000)]
    assert len(set(drawn)) == 6
    assert all(drawn.count(order) / 3000 == pytest.approx(1 / 6, abs=0.03) for order in set(drawn))


def test_seeds_do_not_repeat(generator):
    assert len({seed(generator) for _ in range(1000)}) == 1000


def test_the_global_generator_is_left_alone(generator):
    before = torch.get_rng_state()
    uniform(generator, 0, 1), integer(generator, 0, 9), shuffled(generator, "abc")
    assert torch.equal(before, torch.get_rng_state())
