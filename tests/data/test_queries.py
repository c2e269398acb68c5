"""Points are pixels of crops, and small crops are their crops shrunk."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from bigpicture.data.batch import Batch
from bigpicture.data.photographs import Photograph
from bigpicture.data.queries import Queries
from bigpicture.data.settings import Interval
from bigpicture.image.resize import resize


@pytest.fixture
def photographs() -> list[Photograph]:
    rng = np.random.default_rng(0)
    smooth = [np.kron(rng.integers(0, 256, (9, 9, 3)), np.ones((8, 8, 1))) for _ in range(3)]
    return [
        Photograph(str(i), x.astype(np.uint8), x.astype(np.uint8)) for i, x in enumerate(smooth)
    ]


def queries(photographs, scales=(1.0, 4.0), points=50, seed=1) -> Queries:
    return Queries(photographs, Interval(*scales), images=3, size=12, points=points, seed=seed)


def floats(batch: Batch) -> Batch:
    assert batch.low.dtype == batch.target.dtype == torch.uint8
    return batch.to(torch.device("cpu"), torch.contiguous_format)


def test_shapes_ranges_and_one_scale_a_batch(photographs):
    sides = set()
    for step in range(20):
        low, colours, points = floats(queries(photographs).draw(step))
        assert low.shape == (3, 3, 12, 12)
        assert colours.shape == (3, 50, 3)
        assert points.coordinates.shape == points.cell.shape == (3, 50, 2)
        assert points.coordinates.abs().max() < 1
        assert low.min() >= 0 and low.max() <= 1
        assert (low * 255 - (low * 255).round()).abs().max() < 1e-4
        assert points.cell.unique().numel() == 1
        sides.add(round(2 / points.cell[0, 0, 0].item()))
    assert min(sides) >= 12 and max(sides) <= 48 and len(sides) > 10


def test_colours_are_those_of_the_crop_at_the_points(photographs):
    low, colours, points = floats(queries(photographs, (3.0, 3.0), points=36 * 36).draw(0))
    side = 36
    where = ((points.coordinates + 1) * side / 2 - 0.5).round().long()
    high = torch.empty(3, 3, side, side)
    for i in range(3):
        assert len(torch.unique(where[i], dim=0)) == side * side
        high[i, :, where[i, :, 0], where[i, :, 1]] = colours[i].mT
    shrunk = resize(high, size=(12, 12)).clamp(0, 1)
    assert (shrunk - low).abs().max() <= 0.5 / 255 + 1e-6
    # grid_sample names columns first
    sampled = F.grid_sample(
        high, points.coordinates.flip(-1)[:, None], mode="nearest", align_corners=False
    )
    torch.testing.assert_close(sampled[:, :, 0].mT, colours)


def test_a_batch_is_a_function_of_seed_and_step(photographs):
    one, same, other = (queries(photographs, seed=s).draw(5) for s in (1, 1, 2))
    assert torch.equal(one.target, same.target) and torch.equal(one.low, same.low)
    assert one.low.shape != other.low.shape or not torch.equal(one.low, other.low)


def test_small_crops_give_all_their_pixels(photographs):
    assert queries(photographs, (1.0, 1.0), points=1000).draw(0).target.shape == (3, 144, 3)


def test_a_whole_crop_is_a_picture_of_its_points(photographs):
    """Of the points of the same crop, each has the colour of its place in the picture."""
    low, target, points = floats(queries(photographs, points=None).draw(0))
    few_low, colours, some = floats(queries(photographs, points=10**6).draw(0))
    side = target.shape[-1]
    assert target.shape == (3, 3, side, side) and points.coordinates.shape == (3, side * side, 2)
    assert torch.equal(low, few_low)
    torch.testing.assert_close(
        points.coordinates[0, 1] - points.coordinates[0, 0], torch.tensor([0.0, 2 / side])
    )
    for i in range(3):
        order = torch.argsort(some.coordinates[i, :, 0] * 2 * side + some.coordinates[i, :, 1])
        assert torch.equal(target[i].flatten(1).mT, colours[i][order])
