import pytest
import torch
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
