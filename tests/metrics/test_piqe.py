import numpy as np
import pytest
import torch

from bigpicture.image import read
from bigpicture.metrics.piqe import piqe
from bigpicture.metrics.scene_statistics import gray_levels, normalise


@pytest.mark.parametrize(
    ("name", "score"),
    [("bridge", 33.0353), ("comic", 41.1469), ("zebra", 21.5676), ("flowers", 23.3158)],
)
def test_agrees_with_a_port_of_matlab_s(shared, name, score):
    """The scores of pypiqe 1.2, on the gray levels of pictures that have a white pixel:

    pypiqe.piqe(gray_levels(read(file).colour_tensor()).numpy().astype("uint8"))[0]

    (It divides by the brightest level where MATLAB divides by 255.)
    """
    picture = read(shared / "data" / "benchmarks" / "Set14" / "HR" / f"{name}.png").colour_tensor()
    assert piqe(picture).item() == pytest.approx(score, abs=1e-4)


def test_follows_the_definition_block_by_block(cat):
    mscn = normalise(gray_levels(cat[:, :96, :96]), "edge")[0].numpy()
    total, active = 1.0, 1
    for top in range(0, 96, 16):
        for left in range(0, 96, 16):
            block = mscn[top : top + 16, left : left + 16]
            variance = block.var(ddof=1)
            if variance <= 0.1:
                continue
            active += 1
            edges = (block[0], block[-1], block[:, 0], block[:, -1])
            if any(edge[i : i + 6].std(ddof=1) < 0.1 for edge in edges for i in range(11)):
                total += 1 - variance
            surround = np.delete(block, [7, 9], 1)
            ratio = block[:, 7:9].std(ddof=1) / surround.std(ddof=1)
            deviation = variance**0.5
            if deviation > 2 * abs(deviation - ratio) / max(deviation, ratio):
                total += variance
    assert 20 < active < 37
    assert piqe(cat[:, :96, :96]).item() == pytest.approx(100 * total / active)


@pytest.mark.parametrize("size", [(1, 1), (7, 30), (16, 16), (33, 50)])
def test_any_size_goes(size):
    assert 0 <= piqe(torch.rand(3, *size)) <= 100


def test_a_picture_without_texture_is_the_worst():
    assert piqe(torch.full((3, 40, 40), 0.3)) == 100
