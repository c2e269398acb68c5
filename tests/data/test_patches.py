import numpy as np
import pytest
import torch

from bigpicture.data.patches import Patches
from bigpicture.data.photographs import Photograph, Shrinking, prepare
from bigpicture.data.places import find_sources
from bigpicture.degrade.bi import bi
from bigpicture.image import Picture, write


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "photographs"
    folder.mkdir()
    for name, shape in [("a.png", (40, 50, 3)), ("b.webp", (37, 61, 3)), ("gray.png", (50, 40, 1))]:
        write(Picture(rng.integers(0, 256, shape, np.uint8)), folder / name, lossless=True)
    return folder


def ready(folder, cache, smallest=16, **more):
    return prepare(find_sources(folder), cache, smallest, Shrinking(2), **more)


def test_photographs_are_prepared_once(folder, tmp_path):
    seen = []
    cache = tmp_path / "cache"
    first = ready(folder, cache, progress=lambda *at: seen.append(at))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    files = {file: file.stat().st_mtime_ns for file in cache.iterdir()}
    again = ready(folder, cache)
    assert files == {file: file.stat().st_mtime_ns for file in cache.iterdir()}
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.high, other.high)
        assert np.array_equal(one.low, bi(np.asarray(one.high), 2))
    assert [photograph.high.shape[2] for photograph in first] == [3, 3, 3]


def test_a_changed_photograph_is_prepared_anew(folder, tmp_path):
    ready(folder, tmp_path / "cache")
    write(Picture(np.full((40, 50, 3), 7, np.uint8)), folder / "a.png")
    assert (ready(folder, tmp_path / "cache")[0].high == 7).all()


def test_what_cannot_be_trained_on_is_named(folder, tmp_path):
    with pytest.raises(ValueError, match=r"a.png is 50×40; crops need at least 48"):
        ready(folder, tmp_path / "cache", smallest=48)
    (folder / "c.png").write_text("no image")
    with pytest.raises(ValueError, match="c.png"):
        ready(folder, tmp_path / "cache")
    (tmp_path / "empty").mkdir()
    for name, what in [("nowhere", "nowhere is no folder"), ("empty", "empty has no image files")]:
        with pytest.raises(ValueError, match=what):
            ready(tmp_path / name, tmp_path / "cache")


def counting_photographs(scale: int) -> list[Photograph]:
    """Photographs whose high-resolution pixels tell which low-resolution pixel they belong to."""
    low = np.arange(16 * 15, dtype=np.uint8).reshape(16, 15, 1).repeat(3, 2)
    return [Photograph("a", low.repeat(scale, 0).repeat(scale, 1), low)]


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_crops_are_pairs(scale):
    patches = Patches(counting_photographs(scale), scale, images=16, size=5, seed=3)
    low, high, _ = patches.draw(0).to(torch.device("cpu"), torch.contiguous_format)
    assert low.shape == (16, 3, 5, 5)
    assert torch.equal(high, low.repeat_interleave(scale, 2).repeat_interleave(scale, 3))
    assert 0 <= low.min() <= low.max() <= 1


def test_a_step_s_batch_depends_on_seed_and_step_alone():
    patches = Patches(counting_photographs(2), 2, images=4, size=5, seed=3)
    first = [patches.draw(step)[0] for step in (0, 1, 2)]
    assert torch.equal(patches.draw(1)[0], first[1])
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(Patches(patches.photographs, 2, 4, 5, seed=4).draw(0)[0], first[0])


def test_all_eight_symmetries_and_all_corners_are_drawn():
    photographs = counting_photographs(1)
    low = Patches(photographs, 1, images=2000, size=15, seed=0).draw(0).low
    levels = low[:, 0].int()
    directions = {(float(p[0, 1] - p[0, 0]), float(p[1, 0] - p[0, 0])) for p in levels}
    assert len(directions) == 8
    assert len({float(p.min()) for p in levels}) == 2
