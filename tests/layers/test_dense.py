import pytest
import torch
from torch.nn import functional as F

from bigpicture.layers.blocks import Residual, residual_block
from bigpicture.layers.dense import DenseUnit
from bigpicture.layers.hourglass import UHourglassBlock
from bigpicture.layers.modulation import Activation, Modulation

ATTENTIONS = ["none", "channel", "spatial", "ikm", "crac"]


def concatenated(unit, x):
    """A plain dense unit as the papers draw it: every layer convolves all features before it."""
    features = [x]
    for i in range(len(unit.readers)):
        own = slice(None), slice(None)
        kernels = [
            read.weight[unit.growth * (i - j) : unit.growth * (i - j + 1)][own]
            for j, read in enumerate(list(unit.readers)[: i + 1])
        ]
        biases = unit.readers[0].bias
        bias = None if biases is None else biases[unit.growth * i : unit.growth * (i + 1)]
        y = F.conv2d(torch.cat(features, 1), torch.cat(kernels, 1), bias, padding=1)
        features.append(unit.activations[i](y))
    return unit.transition(torch.cat(features, 1))


@pytest.mark.parametrize("layer_bias", [False, True])
@pytest.mark.parametrize("attention", ["none", "channel", "spatial"])
def test_is_the_unit_that_concatenates(attention, layer_bias):
    unit = DenseUnit(8, 4, 3, Modulation(attention), Activation(), layer_bias=layer_bias)
    if layer_bias:
        torch.nn.init.normal_(unit.readers[0].bias)
    x = torch.randn(2, 8, 9, 7)
    torch.testing.assert_close(unit(x), concatenated(unit, x))


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_biases_of_all_layers_are_added_by_what_reads_the_input(attention):
    unit = DenseUnit(8, 4, 3, Modulation(attention), Activation(), layer_bias=True)
    plain = DenseUnit(8, 4, 3, Modulation(attention), Activation())
    assert [read.bias is not None for read in unit.readers] == [True, False, False]
    assert unit.readers[0].bias.shape == (3 * 4,)
    assert all(read.bias is None for read in plain.readers)
    missing = unit.load_state_dict(plain.state_dict(), strict=False)
    assert missing.missing_keys == ["readers.0.bias"]
    x = torch.randn(2, 8, 9, 7)
    assert torch.equal(unit(x), plain(x))  # biases start at 0


def test_each_channel_is_gathered_once():
    unit = DenseUnit(8, 4, 3, Modulation("ikm"), Activation())
    seen = []
    for reader in unit.readers:
        gather = reader.gather
        reader.gather = lambda x, gather=gather: seen.append(x.shape[1]) or gather(x)
    unit(torch.randn(1, 8, 9, 7))
    assert seen == [8, 4, 4]


@pytest.mark.parametrize(
    ("modulation", "woven"),
    [
        (Modulation("ikm"), True),
        (Modulation("ikm", gradient="exact", form="scaled", threshold=0.2), True),
        (Modulation("ikm", kernel=5), True),
        (Modulation("ikm", dilation=2), True),
        (Modulation("crac"), True),
        (Modulation("ikm", gradient="go"), False),
        (Modulation("none"), False),
    ],
)
@pytest.mark.parametrize("layer_bias", [False, True])
def test_crops_are_woven_to_the_same_result(modulation, woven, layer_bias, monkeypatch):
    unit = DenseUnit(8, 4, 3, modulation, Activation(0.1), layer_bias=layer_bias).double()
    x = torch.randn(3, 8, 9, 7, dtype=torch.float64)
    x = x.contiguous(memory_format=torch.channels_last)
    seen = []
    unit.transition.register_forward_hook(lambda *call: seen.append(len(call[2])))
    found = {}
    for pays in (True, False):
        if not pays:
            monkeypatch.setattr("bigpicture.layers.dense.pays_to_weave", lambda *_: False)
        unit.zero_grad()
        image = x.clone().requires_grad_()
        y = unit(image)
        assert y.is_contiguous(memory_format=torch.channels_last)
        y.sin().sum().backward()
        found[pays] = [y, image.grad, *(weight.grad for weight in unit.parameters())]
    assert seen == ([1, 3] if woven else [3, 3])
    for one, other in zip(*found.values(), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sums_are_the_same_with_and_without_gradients(attention, dtype):
    unit = DenseUnit(8, 4, 3, Modulation(attention), Activation()).to(dtype)
    x = torch.randn(2, 8, 9, 7, dtype=dtype)
    with torch.inference_mode():
        found = unit(x)
    torch.testing.assert_close(found, unit(x))


# mean squares; gates start near one half, which leaves a quarter, and less in deeper layers
@pytest.mark.parametrize(
    ("attention", "least", "most"),
    [
        ("none", 0.4, 2),
        ("ikm", 0.4, 2),
        ("channel", 0.08, 0.4),
        ("crac", 0.08, 0.4),
        ("spatial", 0.01, 0.8),
    ],
)
def test_features_start_at_the_scale_of_the_input_and_of_gates(attention, least, most):
    unit = DenseUnit(64, 12, 6, Modulation(attention), Activation())
    kept = []
    for activation in unit.activations:
        activation.register_forward_hook(lambda *call: kept.append(call[2].square().mean().item()))
    unit(torch.randn(1, 64, 24, 24))
    assert len(kept) == 6
    assert least < min(kept) <= max(kept) < most


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_a_residual_block_adds_to_its_input(attention):
    block = residual_block(8, Modulation(attention), Activation(0.1))
    assert isinstance(block, Residual)
    x = torch.randn(2, 8, 9, 7)
    torch.testing.assert_close(block(x), block.body(x) + x)


class Scale(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


def test_the_u_is_the_paper_s():
    a, b, c, d, e, f = (2.0, 3.0, 5.0, 7.0, 11.0, 13.0)
    block = UHourglassBlock([Scale(factor) for factor in (a, b, c, d, e, f)])
    x1, x2, x3 = a, a * b, a * b * c
    x4 = d * x3 + x2
    x5 = e * x4 + x1
    x = torch.ones(1, 1, 1, 1)
    assert block(x).item() == f * x5 + 1
    assert UHourglassBlock(list(block.units), skips=False)(x).item() == a * b * c * d * e * f + 1


def test_a_u_needs_an_even_number_of_units():
    with pytest.raises(ValueError, match="even number of units, not 3"):
        UHourglassBlock([Scale(1.0)] * 3)
