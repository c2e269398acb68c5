from functools import cache

import pytest
import torch

from bigpicture.analysis.operators import NETWORKS, find, for_colours, some_of
from bigpicture.models.catalog import SIZES, build, family

SIZE = {"ciaosr": "ciaosr-light", "rgt": "rgt-light", "srgrn": "srgrn-light", "cran": "cran-light"}


@cache
def without_numbers(name):
    with torch.device("meta"):
        return build(name, 2)


@pytest.mark.parametrize("kind", NETWORKS, ids=lambda kind: kind.__name__)
def test_the_networks_that_are_named_have_the_operator(kind):
    name = SIZE.get(NETWORKS[kind], NETWORKS[kind])
    assert family(SIZES[name](2)) == NETWORKS[kind]
    assert find(without_numbers(name), [kind], "")


def test_of_many_names_the_first_and_the_last_are_taken():
    names = [f"{i}" for i in range(101)]
    assert some_of(names, None, 3) == ["0", "50", "100"]
    assert some_of(names, None, 1) == ["0"]
    assert some_of(names, "1?", 20) == [f"1{i}" for i in range(10)]
    for most in range(1, 110):
        chosen = some_of(names, None, most)
        assert len(set(chosen)) == len(chosen) == min(most, 101)


def test_pictures_get_the_channels_that_a_network_takes():
    colour = torch.rand(2, 3, 4, 5)
    assert for_colours(colour, 3) is colour
    torch.testing.assert_close(for_colours(colour, 1)[:, 0], colour.mean(1))
    gray = torch.rand(1, 1, 4, 5)
    assert torch.equal(for_colours(gray, 3), torch.cat([gray] * 3, 1))
