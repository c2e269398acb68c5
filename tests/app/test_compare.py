import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bigpicture import load
from bigpicture.app.compare import _busiest, _crops, _Grid, _seen, compare
from bigpicture.image import Picture, read
from bigpicture.image.resize import resize
from bigpicture.infer.plan import Plan, framed


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


@pytest.mark.parametrize("frame", [(300, 300), (90, 400), (400, 77)])
def test_what_was_cut_off_is_not_compared(frame):
    """Both crops then show the same place: of what bicubic enlarged, the same pixels."""
    low = torch.rand(3, 60, 90)
    size, kept = framed(60, 90, frame, "fill")
    cut = Plan(size, (), kept).cut
    middle = resize(low, size=size)[(..., *cut)]
    grid = _Grid((size[0] / 60, size[1] / 90), (cut[0].start, cut[1].start))
    window = _busiest(low, _seen((60, 90), frame, grid))
    bicubic, ours = (panel.astype(int) for panel in _crops(low, middle, window, grid))
    assert bicubic.shape == ours.shape
    assert np.abs(bicubic - ours).max() < 40 and np.abs(bicubic - ours).mean() < 3


def test_the_command_compares_what_it_kept(bigpicture, make, tiny, tmp_path):
    file, sized = make(tmp_path / "a.png"), {"size": (40, 40), "framing": "fill"}  # of 16 × 12
    options = ("--model", tiny, "--size", "40x40", "--framing", "fill", "--compare")
    assert bigpicture("upscale", file, *options).exit_code == 0
    low, model = read(file), load(tiny)
    expected = compare(low, model.upscale(low, **sized), "tiny-x2", (40, 53))
    np.testing.assert_array_equal(read(tmp_path / "a_40x40_compare.png").colour, expected.colour)


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
)
def test_any_frame_shows_some_of_the_picture(low, frame):
    size, kept = framed(*low, frame, "fill")
    cut = Plan(size, (), kept).cut
    ratio = size[0] / low[0], size[1] / low[1]
    grid = _Grid(ratio, (cut[0].start, cut[1].start))
    rows, columns = _seen(low, frame, grid)
    assert 0 <= rows.start < rows.stop <= low[0] and 0 <= columns.start < columns.stop <= low[1]
    window = (rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)
    (upper, start), (lower, stop) = grid.inside(window, frame)
    if min(ratio) >= 1:
        assert 0 <= upper < lower <= frame[0] and 0 <= start < stop <= frame[1]


@given(
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_however_small_the_result_both_crops_show_some_of_it(low, high, filled):
    size, kept = framed(*low, high, "fill") if filled else (high, high)
    pictures = (Picture(np.full((*side, 1), 9, np.uint8)) for side in (low, kept))
    assert compare(*pictures, "", size).height > 30


def test_a_picture_made_tiny_is_compared(bigpicture, make, tiny, tmp_path):
    options = ("--model", tiny, "--scale", 0.01, "--compare")
    assert bigpicture("upscale", make(tmp_path / "a.png", 200, 200), *options).exit_code == 0
    assert read(tmp_path / "a_x0.01.png").width == 2
    assert read(tmp_path / "a_x0.01_compare.png").height > 100


def test_a_picture_whose_comparison_cannot_be_written_is_not_computed(
    bigpicture, make, tiny, tmp_path, monkeypatch
):
    make(tmp_path / "a.png")
    (tmp_path / "a_x2_compare.png").mkdir()
    monkeypatch.setattr("bigpicture.app.restore.Restoring.compute", None)  # is not come to
    result = bigpicture("upscale", tmp_path / "a.png", "--model", tiny, "--compare")
    assert result.exit_code == 1
    assert f"cannot be written: {tmp_path / 'a_x2_compare.png'} is in the way" in result.stderr
    assert not (tmp_path / "a_x2.png").exists()
