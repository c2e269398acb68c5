import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from bigpicture.analysis.cost import cost, on_meta
from bigpicture.models.catalog import build

SIDES = st.integers(3, 9)


class Calling(nn.Module):
    """A module made of a function, as hooks on modules do not see it."""

    def __init__(self, function, **parameters):
        super().__init__()
        self.function = function
        for name, value in parameters.items():
            self.register_parameter(name, nn.Parameter(value))

    def forward(self, x):
        return self.function(self, x)


@settings(max_examples=20)
@given(SIDES, SIDES, st.sampled_from([1, 2, 4]), st.sampled_from([1, 3, 5]), st.integers(1, 2))
def test_a_convolution_is_known_by_heart(h, w, groups, k, stride):
    layer = nn.Conv2d(4, 8, k, stride, padding=k // 2, groups=groups)
    found = cost(layer, (h, w), colours=4)
    made = 8 * -(-h // stride) * -(-w // stride)
    assert found.parameters == 8 * 4 // groups * k**2 + 8
    assert found.activations == made
    assert found.multiply_adds == made * 4 // groups * k**2
    assert found.by_operator == {"convolution": found.multiply_adds}


def test_functions_count_as_modules_do():
    weight = torch.rand(8, 3, 3, 3)
    called = Calling(lambda m, x: F.conv2d(x, m.weight * x.mean(), padding=1), weight=weight)
    found, module = cost(called, (6, 5)), cost(nn.Conv2d(3, 8, 3, padding=1, bias=False), (6, 5))
    assert found == module


def test_the_products_inside_of_attention_count():
    def attend(_, x):
        tokens = x.flatten(2).mT.unflatten(-1, (2, 4)).transpose(1, 2)
        return F.scaled_dot_product_attention(tokens, tokens, tokens)

    found = cost(Calling(attend), (6, 5), colours=8)
    assert found.multiply_adds == 2 * 30 * 30 * 8
    assert (found.parameters, found.activations) == (0, 0)


def test_transposed_convolutions_and_products_count():
    layer = nn.ConvTranspose2d(3, 8, 4, stride=2, padding=1)
    assert cost(layer, (5, 7)).multiply_adds == 3 * 8 * 16 * 35
    linear = Calling(lambda m, x: F.linear(x.movedim(1, -1), m.weight), weight=torch.rand(7, 3))
    assert cost(linear, (5, 7)).multiply_adds == 3 * 7 * 35


def test_what_is_shared_counts_once_and_runs_twice():
    layer = nn.Conv2d(3, 3, 3, padding=1)
    twice, once = cost(nn.Sequential(layer, layer), (4, 4)), cost(layer, (4, 4))
    assert twice.parameters == once.parameters
    assert twice.multiply_adds == 2 * once.multiply_adds


def test_the_network_is_left_as_it_is():
    network = build("uhdn", 2).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    twin = on_meta(network)
    cost(network, (8, 8))
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert {value.device.type for value in twin.state_dict().values()} == {"meta"}
    assert {name: v.shape for name, v in twin.state_dict().items()} == {
        name: v.shape for name, v in before.items()
    }


@pytest.mark.parametrize(
    ("name", "scale", "low", "parameters", "multiply_adds"),
    [
        ("uhdn", 2, (180, 240), 1_390_851, 60.3e9),
        ("uhdn", 3, (120, 160), 1_402_371, 27.2e9),
        ("uhdn", 4, (90, 120), 1_400_067, 15.7e9),
        ("uhdn-l", 2, (180, 240), 10_903_299, 471.5e9),
    ],
)
def test_u_hdn_needs_what_the_paper_says(name, scale, low, parameters, multiply_adds):
    with torch.device("meta"):
        network = build(name, scale)
    found = cost(network, low)
    assert found.parameters == parameters
    assert found.multiply_adds == pytest.approx(multiply_adds, abs=0.05e9)


def test_the_size_that_is_asked_for_counts():
    with torch.device("meta"):
        network = build("liif-light")
    unasked, asked = cost(network, (8, 8)), cost(network, (8, 8), size=(32, 32))
    assert asked == unasked
    assert cost(network, (8, 8), size=(16, 16)).multiply_adds < asked.multiply_adds


def test_a_picture_without_pixels_is_refused():
    with pytest.raises(ValueError, match=r"at least 1 pixel, not \(0, 4\)"):
        cost(nn.Identity(), (0, 4))


@pytest.mark.parametrize("side", [10**10, 10**20])
def test_a_picture_that_no_memory_could_hold_is_refused(side):
    with pytest.raises(ValueError, match="more than 2⁶³ bytes"):
        cost(nn.Identity(), (side, side))
