"""What is woven is the batch again, in other memory."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from bigpicture.compute.woven import as_batch, as_groups, is_woven, pays_to_weave, weave

sizes = st.tuples(*[st.integers(1, 5)] * 4)


def crops(images=4, channels=8, side=16, dtype=torch.bfloat16):
    x = torch.zeros(images, channels, side, side, dtype=dtype)
    return x.contiguous(memory_format=torch.channels_last)


@given(sizes)
def test_a_fabric_unravels_to_its_batch(size):
    x = torch.randn(size)
    fabric = weave(x)
    woven = as_batch(fabric, len(x))
    assert torch.equal(woven, x)
    assert is_woven(woven) == (len(x) > 1)
    assert torch.equal(as_groups(woven), x.reshape(1, -1, *size[2:]))
    for view in (woven, weave(woven), as_groups(woven)):
        assert view.data_ptr() == fabric.data_ptr()


def test_column_x_of_image_i_is_column_x_times_b_plus_i():
    x = torch.randn(3, 2, 4, 5)
    fabric = weave(x)
    for i, image in enumerate(x):
        assert torch.equal(fabric[0, :, :, i::3], image)


def test_what_is_made_of_views_has_the_channels_last_too():
    woven = as_batch(weave(torch.randn(3, 4, 6, 5)), 3)
    for view in (weave(woven), as_groups(woven)):
        joined = torch.cat([part.relu() for part in view.split(2, 1)], 1)
        assert joined.is_contiguous(memory_format=torch.channels_last)
    assert is_woven(woven.relu())


def test_a_shared_convolution_walks_as_many_columns_as_there_are_images():
    x, kernel = torch.randn(3, 4, 7, 6).double(), torch.randn(5, 4, 3, 3).double()
    y = F.conv2d(weave(x), kernel, padding=(1, 3), dilation=(1, 3))
    torch.testing.assert_close(as_batch(y, 3), F.conv2d(x, kernel, padding=1))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_an_ordinary_batch_is_not_woven(layout):
    x = torch.zeros(3, 4, 6, 5).contiguous(memory_format=layout)
    assert not is_woven(x)
    assert not is_woven(weave(x))


def test_it_pays_for_batches_of_crops_that_fit_into_the_cache(monkeypatch):
    assert pays_to_weave(crops(), 8)
    assert not pays_to_weave(crops(images=1), 8)
    assert not pays_to_weave(crops().contiguous(), 8)
    assert not pays_to_weave(crops(side=49), 8)
    assert not pays_to_weave(crops(side=48), 700)
    assert not pays_to_weave(crops().to("meta"), 8)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert not pays_to_weave(crops(), 8)
    assert not is_woven(as_batch(weave(crops()), 4))
