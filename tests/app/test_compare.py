import numpy as np
import pytest
import torch

from bigpicture.app.compare import _busiest, compare
from bigpicture.image import Picture


@pytest.mark.parametrize(
    ("low", "high"),
    [((1, 1), (2, 2)), ((7, 200), (21, 600)), ((300, 5), (450, 8)), ((200, 160), (800, 640))],
)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_picture_can_be_compared(low, high, channels):
    generator = np.random.default_rng(0)
    small, large = (
        Picture.from_array(generator.integers(0, 255, (*size, channels), np.uint8))
        for size in (low, high)
    )
    shown = compare(small, large, "a <model> & more")
    assert shown.colour.shape[2] == 3
    assert shown.alpha is None
    assert shown.width < 3000


def test_zooms_into_the_detail():
    image = torch.zeros(3, 300, 400)
    image[:, 200:240, 300:340] = torch.rand(40, 40)
    top, left, height, width = _busiest(image)
    assert top <= 200
    assert top + height >= 240
    assert left <= 300
    assert left + width >= 340
