"""Who decides in which numbers work is done."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from bigpicture.compute.precision import autocasts, exact_dtype, match_autocast, without_autocast


def test_without_autocast_tensors_stay_what_they_are():
    tensors = torch.zeros(2), torch.zeros(3, dtype=torch.float64)
    assert not autocasts("cpu")
    assert all(one is other for one, other in zip(match_autocast(*tensors), tensors, strict=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_tensors_become_what_autocast_gives_a_convolution(dtype):
    x, kernel = torch.randn(1, 2, 4, 4), torch.randn(3, 2, 1, 1)
    with torch.autocast("cpu", dtype):
        assert autocasts("cpu")
        matched = match_autocast(x, kernel)
        assert {tensor.dtype for tensor in matched} == {F.conv2d(x, kernel).dtype} == {dtype}
        torch.testing.assert_close(matched[0], x.to(dtype), rtol=0, atol=0)


def test_autocast_can_be_switched_off_within():
    x = torch.randn(3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        with without_autocast("cpu"):
            assert not autocasts("cpu")
            assert (x @ x).dtype == torch.float32
            assert match_autocast(x)[0] is x
        assert (x @ x).dtype == torch.bfloat16
    with without_autocast("cpu"):
        assert (x @ x).dtype == torch.float32


def test_shapes_alone_have_no_autocast():
    # nor does PyTorch let it be asked whether it is on
    with torch.autocast("cpu", torch.bfloat16):
        assert not autocasts("meta")
        x = torch.zeros(2, device="meta")
        assert match_autocast(x)[0] is x
        with without_autocast("meta"):
            assert autocasts("cpu")


def test_exact_sums_are_in_float64_where_there_is_such_a_thing():
    assert exact_dtype(torch.zeros(1)) == torch.float64
    with FakeTensorMode():
        assert exact_dtype(torch.empty(1, device="mps")) == torch.float32


def test_float64_is_left_alone_as_by_autocast():
    x, kernel = torch.randn(1, 2, 4, 4).double(), torch.randn(3, 2, 1, 1).double()
    with torch.autocast("cpu", torch.bfloat16):
        matched = match_autocast(x, kernel)
        assert {tensor.dtype for tensor in matched} == {F.conv2d(x, kernel).dtype}
        assert matched[0] is x
