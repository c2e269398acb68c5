"""Mirroring against NumPy's, which also mirrors again and again."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch.nn import functional as F

from bigpicture.compute.pad import crop_to, mirror_to, mirror_to_multiple

sides = st.integers(1, 9)
more = st.integers(0, 40)


@pytest.fixture(params=["as it runs", "as it is traced"], autouse=True)
def way(request, monkeypatch):
    if request.param == "as it is traced":
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)


def numbered(height: int, width: int) -> torch.Tensor:
    """A picture and its features, in which no two numbers are the same."""
    return torch.arange(2.0 * 3 * height * width).view(2, 3, height, width)


@given(sides, sides, more, more)
def test_is_numpy_s_however_far(height, width, down, right):
    x = numbered(height, width)
    expected = np.pad(x.numpy(), [(0, 0), (0, 0), (0, down), (0, right)], mode="reflect")
    found = mirror_to(x, height + down, width + right)
    assert np.array_equal(found.numpy(), expected)
    assert torch.equal(crop_to(found, height, width), x)


@given(st.integers(2, 9), st.data())
def test_is_pytorch_s_where_that_works(side, data):
    down, right = (data.draw(st.integers(0, side - 1)) for _ in range(2))
    x = numbered(side, side)
    expected = F.pad(x, (0, right, 0, down), mode="reflect")
    assert torch.equal(mirror_to(x, side + down, side + right), expected)


@given(sides, sides, st.integers(1, 8))
def test_a_multiple_is_the_next_one(height, width, multiple):
    x = numbered(height, width)
    padded = mirror_to_multiple(x, multiple)
    for there, wanted in zip(x.shape[-2:], padded.shape[-2:], strict=True):
        assert wanted % multiple == 0
        assert 0 <= wanted - there < multiple
    assert torch.equal(padded, mirror_to(x, *padded.shape[-2:]))


@given(sides, sides, st.data())
def test_what_is_cut_off_is_the_rest(height, width, data):
    x = numbered(height, width)
    own = data.draw(st.integers(0, height)), data.draw(st.integers(0, width))
    assert torch.equal(crop_to(x, *own), x[:, :, : own[0], : own[1]])


def test_nothing_is_copied_where_nothing_is_missing(way):
    x = numbered(4, 6)
    if not torch.compiler.is_compiling():
        assert mirror_to_multiple(x, 2) is x
    assert mirror_to_multiple(x, 1) is x


def test_gradients_return_to_the_pixels_that_were_mirrored():
    x = torch.randn(1, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: crop_to(mirror_to(x, 8, 7), 7, 6), x)
