from itertools import product

import pytest
import torch
from torch.autograd import gradcheck

from bigpicture.compute import strips
from bigpicture.compute.strips import in_strips
from bigpicture.layers.gate import GatedMLP
from bigpicture.layers.hai import HybridAdaptiveIntegration


def random_mlp(channels=4, hidden=6) -> GatedMLP:
    mlp = GatedMLP(channels, hidden).double()
    for parameter in mlp.parameters():
        torch.nn.init.normal_(parameter)
    return mlp


def by_the_formula(mlp, x):
    """Linear, GELU, gate, linear, pixel by pixel; zeros lie around what the gate sees."""
    hidden = torch.nn.functional.gelu(x @ mlp.first.weight.T + mlp.first.bias)
    kept, seen = hidden.chunk(2, -1)
    seen = mlp.gate.norm(seen)
    gated = torch.zeros_like(kept)
    b, h, w, _ = kept.shape
    for n, i, j in product(range(b), range(h), range(w)):
        total = mlp.gate.conv.bias.clone()
        for u, v in product(range(-1, 2), repeat=2):
            if 0 <= i + u < h and 0 <= j + v < w:
                total += mlp.gate.conv.weight[:, 0, u + 1, v + 1] * seen[n, i + u, j + v]
        gated[n, i, j] = kept[n, i, j] * total
    return gated @ mlp.last.weight.T + mlp.last.bias


@pytest.mark.parametrize("size", [(1, 1), (5, 4), (1, 7)])
def test_agrees_with_the_formula(size):
    mlp, x = random_mlp(), torch.randn(2, *size, 4, dtype=torch.float64)
    torch.testing.assert_close(mlp(x), by_the_formula(mlp, x))


def test_gradients_are_those_of_differences():
    mlp, x = random_mlp(), torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    inputs = (x, *mlp.parameters())
    assert gradcheck(lambda x, *_: mlp(x), inputs, fast_mode=True)
    mlp(x).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in mlp.parameters())


@pytest.mark.parametrize("pixels", [1, 10, 30, 10**6])
def test_strips_with_its_reach_for_a_halo_are_the_whole(pixels, monkeypatch):
    monkeypatch.setattr(strips, "_PIXELS_AT_ONCE", pixels)
    mlp, x = random_mlp(), torch.randn(2, 11, 5, 4, dtype=torch.float64)
    whole = mlp(x) + x
    with torch.no_grad():
        y = in_strips(lambda x, again: mlp(x) + again, x, x, halo=GatedMLP.reach)
        torch.testing.assert_close(y, whole)


def test_a_hidden_layer_must_have_halves():
    with pytest.raises(ValueError, match="hidden must be even, so that a half can gate.*: 7"):
        GatedMLP(4, 7)


def test_integration_adds_a_little_of_the_input_to_each_channel():
    hai = HybridAdaptiveIntegration(3)
    made, x = torch.randn(2, 4, 5, 3), torch.randn(2, 4, 5, 3)
    torch.testing.assert_close(hai(made, x), made + 1e-4 * x)
    hai.gamma.data = torch.tensor([1.0, 0.0, -2.0])
    torch.testing.assert_close(hai(made, x), made + torch.tensor([1.0, 0.0, -2.0]) * x)
    hai(made, x).sum().backward()
    torch.testing.assert_close(hai.gamma.grad, x.sum((0, 1, 2)))
