"""A linear layer for each pixel against PyTorch's own."""

import pytest
import torch
from torch import nn

from bigpicture.compute.pointwise import Pointwise, pointwise


@pytest.mark.parametrize("size", [(), (1,), (40,), (2, 5, 7), (2, 1, 3, 8)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_is_a_linear_layer_of_any_number_of_dimensions(size, dtype):
    layer, plain = Pointwise(6, 4).to(dtype), nn.Linear(6, 4).to(dtype)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(*size, 6, dtype=dtype, requires_grad=True)
    made = []
    for module in (layer, plain):
        y = module(x)
        made.append([y, *torch.autograd.grad(y.sin().sum(), (x, *module.parameters()))])
    for found, expected in zip(*made, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(pointwise(x, layer.weight, layer.bias), made[0][0])


def test_is_a_convolution_of_what_lies_channels_last():
    maps = torch.randn(2, 6, 9, 5).contiguous(memory_format=torch.channels_last)
    convolution, layer = nn.Conv2d(6, 4, 1), Pointwise(6, 4)
    layer.weight.data, layer.bias.data = convolution.weight.data[..., 0, 0], convolution.bias.data
    y = layer(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    torch.testing.assert_close(y, convolution(maps))
    assert y.is_contiguous(memory_format=torch.channels_last)
