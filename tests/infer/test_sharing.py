import copy

import pytest
import torch
from torch import nn

from bigpicture.context.contract import ContextOperator, Part
from bigpicture.infer.sharing import SharedContexts, has_context, view


def state_of(network):
    parameters = {
        name: (id(p), p.clone()) for name, p in network.state_dict(keep_vars=True).items()
    }
    return parameters, {n: dict(m.__dict__) for n, m in network.named_modules()}


def test_a_view_shares_parameters_and_leaves_the_original_alone(tiny):
    network = tiny.modulated()
    before, attributes = state_of(network)
    SharedContexts(network)
    seen = view(network)
    assert {id(p) for p in seen.parameters()} == {id(p) for p in network.parameters()}
    assert not {id(m) for m in seen.modules()} & {id(m) for m in network.modules()}
    after, attributes_after = state_of(network)
    assert before.keys() == after.keys() and attributes_after == attributes
    assert all(before[n][0] == after[n][0] for n in before)


def test_a_module_reached_twice_stays_one():
    layer = nn.Linear(2, 2)
    seen = view(nn.Sequential(layer, nn.ReLU(), layer))
    assert seen[0] is seen[2] is not layer


def test_a_view_computes_the_same_bits(tiny):
    network, low = tiny.modulated(), tiny.gradient_picture(12, 9)
    assert torch.equal(view(network)(low), network(low))
    assert torch.equal(SharedContexts(network).network(low), network(low))


def test_hooks_travel(tiny):
    network = tiny.Local()
    seen = []
    network.conv.register_forward_hook(lambda *_: seen.append(1))
    view(network)(torch.rand(1, 3, 4, 4))
    assert seen == [1]


@torch.no_grad()
def test_the_first_operator_gathers_the_whole_in_one_sweep(tiny):
    network, low = tiny.Attentive(), tiny.gradient_picture(16, 16)
    expected = network.attention.gather(network.first(low).relu())
    shared = SharedContexts(network)
    shared.gather(lambda: shared.network(low), Part.all_of(16, 16))
    shared.settle()
    first = shared._known["attention", 0]
    assert torch.allclose(first.mean.float(), expected.mean)
    assert len(shared._known) == 2  # one operator, called twice


def test_gathering_leaves_off_what_follows_the_last_operator(tiny):
    network, low = tiny.Attentive(), tiny.gradient_picture(8, 8)
    calls = []
    network.last.register_forward_hook(lambda *_: calls.append(1))
    shared = SharedContexts(network)
    for _ in range(3):
        shared.gather(lambda: shared.network(low), Part.all_of(8, 8))
    assert len(calls) == 1  # the first run has to find out which operator is the last


def test_an_error_in_a_tile_does_not_leave_a_gathering_behind(tiny):
    network, low = tiny.Attentive(), tiny.gradient_picture(8, 8)
    shared = SharedContexts(network)
    with pytest.raises(RuntimeError):
        shared.gather(lambda: shared.network(low[:, :2]), Part.all_of(8, 8))
    assert torch.equal(shared.render(lambda: shared.network(low)), network(low))


class Hidden(nn.Module):
    """Runs its operator by a reference that no view can know of."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.run = inner, inner.forward

    def forward(self, x):
        return self.run(x)


def test_a_network_that_escapes_its_view_is_an_error(tiny):
    shared = SharedContexts(Hidden(tiny.Attentive()))
    with pytest.raises(ValueError, match="context='tile'"):
        shared.gather(lambda: shared.network(tiny.gradient_picture(8, 8)), Part.all_of(8, 8))


def test_has_context(tiny):
    assert has_context(tiny.Attentive())
    assert not has_context(tiny.Local())


def test_an_operator_can_be_the_network_itself(tiny):
    network = copy.deepcopy(tiny.Attentive().attention)
    assert isinstance(network, ContextOperator)
    x = torch.rand(1, 8, 4, 4)
    shared = SharedContexts(network)
    shared.gather(lambda: shared.network(x), Part.all_of(4, 4))
    shared.settle()
    with torch.no_grad():
        assert torch.allclose(shared.render(lambda: shared.network(x)), network(x))
