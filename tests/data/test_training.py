"""What `[data]` of a recipe says is what crops are drawn from."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from bigpicture.data.arrays import mapped
from bigpicture.data.settings import Among, DataPart, Interval
from bigpicture.data.training import choose_workers, open_crops
from bigpicture.degrade.bd import bd
from bigpicture.degrade.bi import bi
from bigpicture.degrade.levels import to_levels
from bigpicture.degrade.sharpening import sharpen
from bigpicture.image import Picture, read, write

DRAWN = ["dn", "bsrgan", "realesrgan", ["bsrgan", "realesrgan"]]


def test_pictures_of_any_kind_become_rgb_of_8_bits(settings, photographs):
    crops = open_crops(settings(), 2)
    made = {each.name: each for each in crops.photographs}
    for file in photographs.iterdir():
        high = made[str(file)].high
        expected = read(file).at_depth(8).colour
        assert high.dtype == np.uint8 and (high == expected).all() and high.shape[2] == 3


@pytest.mark.parametrize(("kind", "shrink"), [("bi", bi), ("bd", bd)])
def test_what_is_not_drawn_is_made_once_of_the_whole_picture(settings, kind, shrink):
    crops = open_crops(settings(degradation=kind), 3)
    for photograph in crops.photographs:
        assert np.array_equal(photograph.low, shrink(np.asarray(photograph.high), 3))


@pytest.mark.parametrize("degradation", DRAWN, ids=str)
@pytest.mark.parametrize("scales", [None, [1.0, 3.0], {"among": [2, [2, 3]]}], ids=str)
def test_batches_are_functions_of_seed_step_and_crop(settings, degradation, scales):
    def crops(**changes):
        part = settings(degradation=degradation, scales=scales, margin=4, **changes)
        return open_crops(part, None if scales else 2)

    whole, again, other = (crops(seed=s).draw(7) for s in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(tensors(whole), tensors(again), strict=True))
    assert not torch.equal(whole.low, other.low)
    assert not torch.equal(whole.low, crops().draw(8).low)
    for k in range(2):
        for part, all_of_it in zip(tensors(crops().draw(7, (k, 2))), tensors(whole), strict=True):
            assert torch.equal(part, all_of_it[k::2])
    # a larger batch begins with the crops of the smaller
    larger = crops(images=4).draw(7)
    assert torch.equal(larger.low[:3], whole.low)


def tensors(batch):
    return [batch.low, batch.target, *(batch.points or ())]


def test_a_crop_s_degradation_is_its_own(settings, photographs):
    flat = np.full((80, 80, 3), 128, np.uint8)
    for file in photographs.iterdir():
        file.unlink()
    write(Picture(flat), photographs / "flat.png")
    low = open_crops(settings(degradation="dn", images=4), 2).draw(0).low.double()
    assert low.flatten(1).unique(dim=0).shape[0] == 4
    assert low.mean().item() == pytest.approx(128, abs=3)
    assert low.std().item() == pytest.approx(30, abs=3)


@pytest.mark.parametrize("degradation", ["bsrgan", "realesrgan"])
def test_degraded_crops_show_what_they_are_crops_of(settings, degradation):
    """Blurred, noisy and compressed, and yet of the colours of their targets, in their places."""
    crops = open_crops(settings(degradation=degradation, images=16, patch=24, margin=6), 2)
    low, high, _ = crops.draw(0)
    means = torch.nn.functional.avg_pool2d(high.double(), 16)
    found = torch.nn.functional.avg_pool2d(low.double(), 8)
    assert (means - found).abs().mean() < 0.5 * (means - found.flip(-1)).abs().mean()


@pytest.mark.parametrize("scales", [None, [2.0, 2.0]], ids=str)
def test_sharpened_crops_are_what_is_degraded_and_learned(settings, scales):
    def drawn(sharpen):
        crops = {"patch": 16, "margin": 0, "scales": scales, "points": "all"}
        part = settings(degradation="bsrgan", sharpen=sharpen, **crops)
        return open_crops(part, None if scales else 2).draw(0)

    plain, sharp = drawn(False), drawn(True)
    assert not torch.equal(plain.low, sharp.low)
    assert not torch.equal(plain.target, sharp.target)
    for own, other in zip(plain.target, sharp.target, strict=True):
        assert torch.equal(to_levels(sharpen(own / 255)).byte(), other)


@pytest.mark.parametrize("scales", [[2.0, 2.0], [1.7, 1.7], [2.9, 2.9]])
def test_points_of_degraded_crops_are_where_their_colours_are(settings, scales):
    """A picture whose colours tell rows and columns; degradations move none of them."""
    ramp = np.indices((125, 125)).transpose(1, 2, 0)[..., [0, 1, 1]].astype(np.uint8)
    part = settings(degradation="bsrgan", scales=scales, points=10**6, margin=7, images=8)
    for file in part.train[0].iterdir():
        file.unlink()
    write(Picture(ramp), part.train[0] / "ramp.png")
    low, colours, (coordinates, cell) = open_crops(part, None).draw(0)
    assert coordinates.abs().max() < 1
    # all pixels whose centres are in the crop, or all but a last row and column
    assert (2 / cell.mean().item() - len(colours[0]) ** 0.5) <= 1
    side = 2 / cell[0, 0, 0].item()
    for crop, position in zip(colours.double(), coordinates.double(), strict=True):
        # colours are a linear function of positions, one level to the pixel
        matrix = torch.cat([position * side / 2, torch.ones(len(position), 1)], 1)
        slopes = torch.linalg.lstsq(matrix, crop).solution
        assert (matrix @ slopes - crop).abs().max() < 1e-3
        assert slopes[:2].abs().sum(0) == pytest.approx(torch.ones(3), abs=1e-4)
    # the middle of the crop has the colour of its middle
    middle = low[:, :, 4:8, 4:8].double().mean((2, 3))
    near = torch.stack(
        [
            c[p.abs().amax(1) < 1 / 3].double().mean(0)
            for c, p in zip(colours, coordinates, strict=True)
        ]
    )
    assert (middle - near).abs().median() < 8


def test_pairs_are_read_from_two_folders(settings, photographs, tmp_path):
    low = tmp_path / "low"
    low.mkdir()
    for file in photographs.iterdir():
        write(Picture(255 - bi(read(file).at_depth(8).colour, 2)), low / f"{file.stem}x2.png")
    crops = open_crops(settings(low=[low]), 2)
    for photograph in crops.photographs:
        assert np.array_equal(photograph.low, 255 - bi(np.asarray(photograph.high), 2))
    assert crops.draw(0).low.shape == (3, 3, 12, 12)


def test_pairs_that_do_not_belong_together_are_named(settings, photographs, tmp_path):
    low = tmp_path / "low"
    low.mkdir()
    for name, side in [("a", 30), ("deep", 20)]:
        write(Picture(np.zeros((side, side, 3), np.uint8)), low / f"{name}.png")
    with pytest.raises(ValueError, match=r"gray.png has no partner in .*low; .*grayx2.png"):
        open_crops(settings(low=[low]), 2)
    write(Picture(np.zeros((62, 62, 1), np.uint8)), low / "gray.png")
    with pytest.raises(ValueError) as raised:
        open_crops(settings(low=[low]), 2)
    assert "2 of 3 pictures" in str(raised.value)
    assert "at scale 2 that must be 60×60, or up to 1 px larger a side" in str(raised.value)
    assert "30×30 but" in str(raised.value) and "20×20 but" in str(raised.value)
    assert "gray" not in str(raised.value)


def test_all_pictures_that_cannot_be_used_are_named(settings, photographs):
    write(Picture(np.zeros((20, 200, 3), np.uint8)), photographs / "flat.png")
    (photographs / "broken.png").write_bytes((photographs / "a.png").read_bytes()[:500])
    (photographs / "empty.jpg").touch()
    (photographs / "gone.png").symlink_to(photographs / "nowhere.png")
    with pytest.raises(ValueError) as raised:
        open_crops(settings(), 2)
    first, *named = str(raised.value).splitlines()
    assert first == "4 of 7 pictures cannot be trained on:"
    for name, line in zip(["broken", "empty", "flat", "gone"], named, strict=True):
        assert name in line


def test_a_damaged_cache_is_made_again(settings, tmp_path):
    before = [np.array(each.low) for each in open_crops(settings(), 2).photographs]
    mapped.cache_clear()  # a file that is mapped must not become shorter
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(file.read_bytes()[:200])
    after = [each.low for each in open_crops(settings(), 2).photographs]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("changes", "scale", "message"),
    [
        ({}, None, "give model.scale"),
        ({"scales": [1, 2]}, 2, "give model.scale"),
        ({"degradation": "bd"}, 2, "'bd', which has odd scales; model.scale is 2"),
        ({"patch": 61}, 2, "crops need at least 122 pixels a side"),
        ({"scales": [1, 11]}, None, "crops need at least 132 pixels a side"),
        ({"degradation": "bsrgan", "patch": 48}, 2, "crops need at least 126 pixels a side"),
        ({"train": ["nowhere"]}, 2, "nowhere is no folder"),
        ({"train": ["memory://nowhere"]}, 2, "memory://nowhere has no .tar or image files"),
        ({"train": ["nowhere.tar"]}, 2, "nowhere.tar"),
        ({"train": ["nosuch://bucket/a.tar"]}, 2, "nosuch"),
    ],
)
def test_what_cannot_be_done_is_said(settings, changes, scale, message):
    with pytest.raises(ValueError, match=message):
        open_crops(settings(**changes), scale)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scales": [4, 1]}, r"at least 1 and climb, \[least, greatest\]"),
        ({"scales": [2, 3, 4]}, r"\{among = \[2, 3, 4\]\} for a set"),
        ({"scales": {"among": [0.5]}}, "greater than or equal to 1"),
        ({"scales": {"among": [2, [3, 1]]}}, r"at least 1 and climb, \[least, greatest\]"),
        ({"scales": {"amongst": [2]}}, r"\{among = \[2, 3, 4\]\} for a set"),
        ({"degradation": ["bi", "dn"]}, "one kind, or a list of bsrgan and realesrgan"),
        ({"degradation": "bicubic"}, "'bi', 'bd', 'dn'"),
        ({"degradation": "bd", "scales": [1, 3]}, "odd whole scales only"),
        ({"low": ["a", "b"]}, "give 1 folders, one for each of train"),
        ({"low": ["a"], "degradation": "dn"}, "has the crops already"),
        ({"webp": 2}, "less than or equal to 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)


@pytest.mark.parametrize("scales", [None, [1, 4], {"among": [2, 3, [1, 4]]}], ids=str)
def test_settings_survive_being_written_down(settings, scales):
    part = settings(scales=scales, train=["here", "s3://bucket/there"])
    assert DataPart.model_validate(part.model_dump()) == part
    assert DataPart.model_validate_json(part.model_dump_json()) == part
    assert str(part.train[1]) == "s3://bucket/there"


def test_scales_are_drawn_from_all_there_are():
    rng = np.random.default_rng(0)
    assert {Among(among=(2, 3.5)).draw(rng) for _ in range(30)} == {2.0, 3.5}
    drawn = [Interval(1, 4).draw(rng) for _ in range(1000)]
    assert 1 <= min(drawn) < 1.1 and 3.9 < max(drawn) <= 4
    mixed = Among(among=(Interval(1, 4), 3))
    drawn = [mixed.draw(rng) for _ in range(1000)]
    assert 400 < drawn.count(3) < 600 and len(set(drawn)) > 400 and mixed.greatest == 4


def test_workers_are_as_many_as_the_degradation_needs(settings):
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert choose_workers(settings(), cpu) == 0
    assert choose_workers(settings(degradation="bsrgan"), cpu) == 1
    assert choose_workers(settings(degradation="bsrgan"), gpu) >= 1
    assert choose_workers(settings(degradation="bsrgan", workers=5), cpu) == 5
