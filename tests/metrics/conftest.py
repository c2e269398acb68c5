"""What the metrics without a reference have in common to be tested on."""

import numpy as np
import pytest
import skimage.data
import torch


@pytest.fixture(scope="session")
def cat() -> torch.Tensor:
    """A photograph, in [0, 1]."""
    pixels = np.ascontiguousarray(skimage.data.chelsea().transpose(2, 0, 1))
    return torch.from_numpy(pixels).float() / 255
