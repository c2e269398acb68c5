"""Products that are convolutions against those that are not."""

import pytest
import torch
from torch.nn import functional as F

from bigpicture.compute import products
from bigpicture.compute.products import linear

SHAPES = [(0, 3, 2), (1, 5, 4), (31, 3, 7), (32, 8, 8), (33, 1, 6), (48, 6, 1), (1000, 12, 20)]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def tensors(shape, dtype=torch.float32):
    """Rows, a matrix and a bias, of which gradients are wanted."""
    rows, c, d = shape
    made = (torch.randn(size, dtype=dtype) for size in ((rows, c), (d, c), (d,)))
    return [tensor.requires_grad_() for tensor in made]


@pytest.fixture
def convolved(monkeypatch) -> list:
    """The shapes of what is handed to convolutions."""
    seen, convolve = [], F.conv2d
    monkeypatch.setattr(F, "conv2d", lambda x, *rest: seen.append(x.shape) or convolve(x, *rest))
    return seen


@shapes
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("strided", [True, False])
def test_value_and_gradients_are_those_of_the_product(shape, biased, strided):
    x, weight, bias = tensors(shape)
    wanted = [x, weight, bias] if biased else [x, weight]
    made, rows = [], torch.randn(len(x), len(weight))
    for product in (linear, F.linear):
        seen = torch.cat([x, x], 1)[:, ::2] if strided else x
        y = product(seen, weight, bias if biased else None)
        made.append([y, *torch.autograd.grad((y * rows).sum(), wanted)])
    for found, expected in zip(*made, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_many_float32_rows_are_convolved_and_others_not(convolved):
    linear(*tensors((64, 3, 5)))
    assert convolved == [(16, 3, 1, 4)]
    linear(*tensors((33, 3, 5)))
    assert convolved.pop() == (1, 3, 1, 33)
    linear(*tensors((64, 3, 5), torch.float64))
    linear(*tensors((31, 3, 5)))
    assert len(convolved) == 1


def test_autocast_decides_the_precision(convolved):
    x, weight, bias = tensors((64, 3, 5))
    with torch.autocast("cpu", torch.bfloat16):
        found = linear(x, weight, bias)
        torch.testing.assert_close(found, F.linear(x, weight, bias), rtol=0, atol=0)
    assert found.dtype == torch.bfloat16
    assert not convolved


def test_nothing_is_convolved_where_that_is_no_faster(convolved, monkeypatch):
    monkeypatch.setattr(products.torch.backends.mkldnn, "is_available", lambda: False)
    x, weight, bias = tensors((64, 3, 5))
    torch.testing.assert_close(linear(x, weight, bias), F.linear(x, weight, bias), rtol=0, atol=0)
    assert not convolved
