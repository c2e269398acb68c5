"""Folders of small photographs, and recipes' settings that name them."""

import numpy as np
import pytest

from bigpicture.data.settings import DataPart
from bigpicture.image import Picture, write


def smooth(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture of random squares of 8 × 8 pixels."""
    rng = np.random.default_rng(seed)
    squares = rng.integers(0, 256, (-(-height // 8), -(-width // 8), 3), np.uint8)
    return squares.repeat(8, 0).repeat(8, 1)[:height, :width]


@pytest.fixture
def photographs(tmp_path):
    """A folder of three kinds: 8 bits, 16 bits, gray."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    write(Picture(smooth(120, 130)), folder / "a.png")
    write(Picture(smooth(140, 121, 1).astype(np.uint16) * 257), folder / "deep.tif")
    write(Picture(smooth(125, 125, 2)[..., :1]), folder / "gray.png")
    return folder


@pytest.fixture
def settings(photographs, tmp_path):
    """Settings of a recipe's data, with others where given."""

    def make(**changes) -> DataPart:
        facts = {"train": [photographs], "description": "squares", "licence": "CC0"}
        sizes = {"cache": tmp_path / "cache", "images": 3, "patch": 12, "points": 50}
        return DataPart.model_validate(facts | sizes | changes)

    return make
