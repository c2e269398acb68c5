"""Means over the cells of a grid, of pictures so large that float32 sums lose pixels."""

import pytest
import torch
from torch.nn import functional as F

from bigpicture.context.contract import Part
from bigpicture.context.grid import gather_grid


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("cells", [1, 2, 3])
def test_means_of_large_pictures_are_those_of_float64(cells, layout):
    x = (0.1 + 1e-3 * torch.randn(1, 2, 1801, 1500)).contiguous(memory_format=layout)
    exact = F.adaptive_avg_pool2d(x.double(), cells)
    for part in (None, Part.all_of(1801, 1500)):
        mean = gather_grid(x, cells, part).mean.double()
        torch.testing.assert_close(mean, exact, atol=0, rtol=1e-4)
