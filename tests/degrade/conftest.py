"""Pictures to degrade."""

import numpy as np
import pytest
import skimage.data


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """A photograph (96, 120, 3) of uint8."""
    return np.ascontiguousarray(skimage.data.chelsea()[80:176, 120:240])
