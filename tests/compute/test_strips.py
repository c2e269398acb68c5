import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from bigpicture.compute import strips
from bigpicture.compute.strips import in_strips, rows_at_once


def enlarged(x, y):
    """Three times as many rows, each of rows up to two away."""
    near = F.avg_pool2d((x + y).permute(0, 3, 1, 2), (5, 1), 1, (2, 0))
    return F.interpolate(near, scale_factor=3, mode="nearest").permute(0, 2, 3, 1)


@pytest.mark.parametrize("pixels", [1, 17, 40, 10**6])
def test_strips_with_halos_are_the_whole_on_a_finer_grid(pixels, monkeypatch):
    monkeypatch.setattr(strips, "_PIXELS_AT_ONCE", pixels)
    x, y = torch.randn(2, 13, 5, 4), torch.randn(2, 13, 5, 4)
    with torch.no_grad():
        assert bool(rows_at_once(x))
        found = in_strips(enlarged, x, y, halo=2, scale=3)
    assert not rows_at_once(x)  # for a gradient, all is kept anyway
    torch.testing.assert_close(found, enlarged(x, y))


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 4), st.integers(1, 3))
def test_strips_are_the_whole_and_no_larger_than_asked(height, rows, reach, scale):
    x, seen = torch.randn(2, height, 3, 4), []

    def work(x):
        seen.append(x.shape[1])
        window = (2 * reach + 1, 1)
        near = F.avg_pool2d(x.permute(0, 3, 1, 2), window, 1, (reach, 0))
        return F.interpolate(near, scale_factor=scale).permute(0, 2, 3, 1)

    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(torch, "get_num_threads", lambda: 1)
        patch.setattr(strips, "_PIXELS_AT_ONCE", rows * 2 * 3)
        assert rows_at_once(x) == rows
        found = in_strips(work, x, halo=reach, scale=scale)
    assert len(seen) == -(-height // rows)
    assert max(seen) <= min(height, rows + 2 * reach)
    torch.testing.assert_close(found, work(x))


def test_at_least_a_row_and_everything_where_strips_do_not_pay(monkeypatch):
    wide = torch.zeros(1, 2, 10**6, 1)
    with torch.no_grad():
        assert rows_at_once(wide) == 1
        assert rows_at_once(torch.zeros(1, 2, 3, 1, device="meta")) == 0
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
        assert rows_at_once(wide) == 0
