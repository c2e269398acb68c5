from pathlib import Path

import numpy as np
import pytest
import pyvips
import torch

from bigpicture.data.benchmarks import open_benchmark
from bigpicture.data.layouts import find_sets
from bigpicture.degrade.bd import bd
from bigpicture.degrade.bi import bi


def picture(h: int, w: int, c: int = 3, kind: type = np.uint8) -> np.ndarray:
    generator = np.random.default_rng(h * w)
    return generator.integers(0, np.iinfo(kind).max + 1, (h, w, c)).astype(kind)


def save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.new_from_array(image).write_to_file(str(path))


def levels(image: torch.Tensor) -> np.ndarray:
    return (image * 255).round().byte().permute(1, 2, 0).numpy()


@pytest.fixture
def folder(tmp_path) -> Path:
    """A benchmark of a colour and a gray picture; its stored files are not BI's."""
    for name, channels in (("bird", 3), ("arch", 1)):
        high = picture(25, 31, channels)
        save(tmp_path / "Set2" / "HR" / f"{name}.png", high)
        save(tmp_path / "Set2" / "LR_bicubic" / "X2" / f"{name}x2.png", 255 - bi(high, 2))
    return tmp_path / "Set2"


def test_a_benchmark_folder_gives_its_stored_files(folder):
    benchmark = open_benchmark(folder, scale=2)
    assert len(benchmark) == 2
    for _ in range(2):
        (arch, gray, gray_high), (bird, low, high) = benchmark
        assert (arch, bird) == ("arch", "bird")
        np.testing.assert_array_equal(levels(low), 255 - bi(picture(25, 31), 2))
        np.testing.assert_array_equal(levels(high), picture(25, 31)[:24, :30])
        assert (gray.shape, gray_high.shape) == ((1, 12, 15), (1, 24, 30))
        assert low.dtype == high.dtype == torch.float32


@pytest.mark.parametrize(
    "options",
    [
        {"high": "HR", "scale": 2},
        {"high": ".", "scale": 3},
        {"high": ".", "scale": 2.5},
        {"high": ".", "scale": 2, "degrade": bi},
    ],
)
def test_made_on_the_fly(folder, options):
    scale = options["scale"]
    _, (_, low, high) = open_benchmark(folder / options.pop("high"), **options)
    np.testing.assert_array_equal(levels(low), bi(picture(25, 31), scale))
    assert high.shape == (3, round(25 // scale * scale), round(31 // scale * scale))


def test_another_degradation(folder):
    _, (_, low, _) = open_benchmark(folder, scale=3, degrade=bd)
    np.testing.assert_array_equal(levels(low), bd(picture(25, 31), 3))


@pytest.mark.parametrize("kind", ["bi", "bd", "dn"])
def test_a_degradation_by_name_is_stated_and_the_same_whenever_it_is_read(folder, kind):
    """Though validation reads the set again and again, and noise is drawn."""
    benchmark = open_benchmark(folder, scale=3, degrade=kind)
    assert benchmark.degradation == kind
    once, again = ([low for _, low, _ in benchmark] for _ in range(2))
    assert all(map(torch.equal, once, again))


@pytest.mark.parametrize("pattern", ["{}", "{}x2", "{}_x2"])
def test_two_folders(folder, tmp_path, pattern):
    for name, channels in (("bird", 3), ("arch", 1)):
        save(tmp_path / "low" / f"{pattern.format(name)}.tif", picture(12, 15, channels))
    save(tmp_path / "low" / "birdx4.png", picture(6, 7))
    for high in (folder, folder / "HR"):
        _, (name, low, _) = open_benchmark(high, tmp_path / "low", scale=2)
        assert name == "bird"
        np.testing.assert_array_equal(levels(low), picture(12, 15))


def test_a_folder_of_scales_as_low(folder):
    _, (_, low, _) = open_benchmark(folder / "HR", folder / "LR_bicubic", scale=2)
    np.testing.assert_array_equal(levels(low), 255 - bi(picture(25, 31), 2))


def test_deep_references_are_reduced_and_deep_low_files_are_not(tmp_path):
    high, low = picture(16, 16, kind=np.uint16), picture(8, 8, kind=np.uint16)
    save(tmp_path / "high" / "a.png", high)
    save(tmp_path / "low" / "a.png", low)
    ((_, read, reference),) = open_benchmark(tmp_path / "high", tmp_path / "low", scale=2)
    np.testing.assert_array_equal(levels(reference), np.round(high / 257))
    np.testing.assert_array_equal((read * 65535).round().permute(1, 2, 0), low)


@pytest.mark.parametrize("size", [(13, 15), (12, 14), (11, 15)])
def test_sizes_that_do_not_belong_together(folder, size):
    file = folder / "LR_bicubic" / "X2" / "birdx2.png"
    save(file, picture(*size))
    pairs = iter(open_benchmark(folder, scale=2))
    next(pairs)
    with pytest.raises(ValueError, match=rf"birdx2.png is {size[0]}×{size[1]} .* is 25×31"):
        next(pairs)


def test_channels_that_do_not_belong_together(folder):
    save(folder / "LR_bicubic" / "X2" / "birdx2.png", picture(12, 15, 1))
    with pytest.raises(ValueError, match=r"12×15 with 1 channel.*25×31 with 3 channel"):
        list(open_benchmark(folder, scale=2))


def test_a_broken_file_is_named(folder):
    (folder / "HR" / "bird.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"bird\.png"):
        list(open_benchmark(folder, scale=2))


def test_a_picture_below_the_scale_is_named(folder):
    with pytest.raises(ValueError, match=r"arch\.png: the picture is 31×25"):
        list(open_benchmark(folder / "HR", scale=40))


def test_missing_and_doubled_partners(folder):
    low = folder / "LR_bicubic" / "X2"
    save(low / "bird.png", picture(12, 15))
    with pytest.raises(ValueError, match=r"HR/bird.png has two partners, .*birdx2.png and .*bird"):
        open_benchmark(folder, scale=2)
    (low / "bird.png").unlink()
    save(low / "cat.png", picture(12, 15))
    with pytest.raises(ValueError, match=r"cat.png has no high-resolution partner"):
        open_benchmark(folder, scale=2)
    (low / "birdx2.png").unlink()
    with pytest.raises(ValueError, match=r"HR/bird.png has no partner in .*X2; .* birdx2.png"):
        open_benchmark(folder, scale=2)


def test_nonsense_is_refused(folder):
    with pytest.raises(ValueError, match="nowhere is no folder"):
        open_benchmark(folder / "nowhere", scale=2)
    with pytest.raises(ValueError, match="LR_bicubic has no image files"):
        open_benchmark(folder / "LR_bicubic", scale=2)
    with pytest.raises(ValueError, match="scale is 0"):
        open_benchmark(folder, scale=0)
    with pytest.raises(ValueError, match="give one of the two"):
        open_benchmark(folder, folder, scale=2, degrade=bi)
    save(folder / "HR" / "bird.tif", picture(25, 31))
    with pytest.raises(ValueError, match=r"bird.png and .*bird.tif share a name"):
        open_benchmark(folder, scale=2)


def layout(tmp_path, high: str, low: str, scale: int = 2) -> Path:
    """A set of two pictures whose stored files are not BI's, laid out as the patterns say."""
    for name, channels in (("bird", 3), ("arch", 1)):
        image = picture(24, 36, channels)
        save(tmp_path / high.format(name), image)
        save(tmp_path / low.format(name), 255 - bi(image, scale))
    return tmp_path


@pytest.mark.parametrize(
    ("high", "low", "root", "name", "degradation"),
    [
        ("Set2/HR/{}.png", "Set2/LR_bicubic/X2/{}x2.png", "Set2", "Set2", "bi"),
        ("Set2/GTmod12/{}.png", "Set2/LRbicx2/{}.png", "Set2", "Set2", "bi"),
        ("Set2/original/{}.png", "Set2/LRbicx2/{}.png", "Set2", "Set2", "bi"),
        (
            "Set2/image_SRF_2/{}_SRF_2_HR.png",
            "Set2/image_SRF_2/{}_SRF_2_LR.png",
            "Set2",
            "Set2",
            "bi",
        ),
        (
            "Set2/image_SRF_2/{}_SRF_2_HR.png",
            "Set2/image_SRF_2/{}_SRF_2_LR.png",
            "Set2/image_SRF_2",
            "Set2",
            "bi",
        ),
        ("Set2/{}_SRF_2_HR.png", "Set2/{}_SRF_2_LR.png", "Set2", "Set2", "bi"),
        (
            "D/DIV2K_valid_HR/{}.png",
            "D/DIV2K_valid_LR_bicubic/X2/{}x2.png",
            "D",
            "D",
            "bi",
        ),
    ],
)
def test_layouts_of_the_field(tmp_path, high, low, root, name, degradation):
    benchmark = open_benchmark(layout(tmp_path, high, low) / root, scale=2)
    assert (benchmark.name, benchmark.degradation) == (name, degradation)
    (arch, gray, _), (bird, small, _) = benchmark
    assert (arch, bird) == ("arch", "bird")
    assert gray.shape == (1, 12, 18)
    np.testing.assert_array_equal(levels(small), 255 - bi(picture(24, 36), 2))


def test_selfexsr_s_other_pictures_are_left_out(tmp_path):
    root = layout(tmp_path, "S/image_SRF_2/{}_SRF_2_HR.png", "S/image_SRF_2/{}_SRF_2_LR.png") / "S"
    save(root / "image_SRF_2" / "bird_SRF_2_bicubic.png", picture(24, 36))
    save(root / "image_SRF_2" / "bird_SRF_2_A+.png", picture(24, 36))
    assert len(open_benchmark(root, scale=2)) == 2
    made = open_benchmark(root, scale=2, degrade=bi)
    _, (_, small, _) = made
    np.testing.assert_array_equal(levels(small), bi(picture(24, 36), 2))


@pytest.mark.parametrize("kind", ["BI", "BD", "DN"])
def test_rcan_s_two_trees(tmp_path, kind):
    mark = f"LR{kind}"
    high, low = "HR/Set2/x2/{}_HR_x2.png", f"LR/{mark}/Set2/x2/{{}}_{mark}_x2.png"
    root = layout(tmp_path, high, low)
    assert find_sets(root / "HR" / "Set2") == find_sets(root / "HR") == [root / "HR" / "Set2"]
    benchmark = open_benchmark(root / "HR" / "Set2", root / "LR" / mark / "Set2", scale=2)
    assert (benchmark.name, benchmark.degradation) == ("Set2", kind.lower())
    assert [name for name, *_ in benchmark] == ["arch", "bird"]


def test_references_with_partners_are_preferred(tmp_path):
    root = layout(tmp_path, "S/GTmod12/{}.png", "S/LRbicx2/{}.png") / "S"
    for name in ("bird", "arch"):
        save(root / "HR" / f"{name}.png", picture(25, 37))
    _, (_, small, high) = open_benchmark(root, scale=2)
    assert high.shape == (3, 24, 36)
    np.testing.assert_array_equal(levels(small), 255 - bi(picture(24, 36), 2))
    _, (_, _, high) = open_benchmark(root, scale=3)  # no partners: the first that there is
    assert high.shape == (3, 24, 36)


def test_a_mark_that_only_some_pictures_have_is_a_part_of_their_names(tmp_path):
    for name in ("cat_HR", "cat"):
        save(tmp_path / f"{name}.png", picture(16, 16))
    assert list(open_benchmark(tmp_path, scale=2).high) == ["cat", "cat_HR"]


@pytest.mark.parametrize(
    ("options", "kind"),
    [({}, "bi"), ({"degrade": bi}, "bi"), ({"degrade": bd}, None), ({"low": "low"}, None)],
)
def test_a_benchmark_knows_what_made_it(tmp_path, options, kind):
    root = layout(tmp_path, "cats/{}.png", "low/{}.png", 3)
    if "low" in options:
        options["low"] = root / "low"
    benchmark = open_benchmark(root / "cats", scale=3, **options)
    assert (benchmark.name, benchmark.degradation) == ("cats", kind)


def test_sets_in_a_folder(folder, tmp_path):
    save(tmp_path / "Other" / "GTmod12" / "a.png", picture(24, 24))
    save(tmp_path / "plain" / "a.png", picture(24, 24))
    (tmp_path / "empty").mkdir()
    assert find_sets(folder) == [folder]
    assert find_sets(folder / "HR") == [folder / "HR"]
    assert [path.name for path in find_sets(tmp_path)] == ["Other", "Set2", "plain"]
    with pytest.raises(ValueError, match="empty has no image files, and no benchmark set"):
        find_sets(tmp_path / "empty")
    with pytest.raises(ValueError, match="nowhere is no folder"):
        find_sets(tmp_path / "nowhere")
