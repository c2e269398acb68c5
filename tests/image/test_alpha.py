import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bigpicture.image import bleed

sizes = st.tuples(st.integers(1, 17), st.integers(1, 17))
dtypes = st.sampled_from(["uint8", "uint16", "float32"])


def top(dtype: str) -> float:
    return 1 if dtype == "float32" else np.iinfo(dtype).max


def random_picture(size, dtype, seed, hidden=0.5):
    rng = np.random.default_rng(seed)
    colour = (rng.random((*size, 3)) * top(dtype)).astype(dtype)
    alpha = (rng.random(size) * top(dtype)).astype(dtype)
    alpha[rng.random(size) < hidden] = 0
    return colour, alpha


@given(sizes, dtypes, st.integers(0, 99), st.floats(0, 1))
def test_visible_pixels_keep_their_values_and_hidden_ones_take_from_them(size, dtype, seed, hidden):
    colour, alpha = random_picture(size, dtype, seed, hidden)
    before = colour.copy()
    filled = bleed(colour, alpha)
    visible = alpha > 0
    assert filled.dtype == colour.dtype
    np.testing.assert_array_equal(colour, before)
    np.testing.assert_array_equal(filled[visible], colour[visible])
    if visible.any():
        assert (filled >= colour[visible].min(axis=0)).all()
        assert (filled <= colour[visible].max(axis=0)).all()


@given(sizes.flatmap(lambda size: arrays(np.uint8, size)), dtypes, st.floats(0, 1))
def test_a_constant_colour_fills_to_itself(alpha, dtype, level):
    constant = np.asarray(level * top(dtype)).astype(dtype)
    alpha = (alpha / 255 * top(dtype)).astype(dtype)
    colour = np.where((alpha > 0)[..., None], constant, 0).astype(dtype)
    if (alpha > 0).any():
        assert (bleed(colour, alpha) == constant).all()


@given(sizes, dtypes, st.integers(0, 99))
def test_what_is_stored_under_hidden_pixels_does_not_matter(size, dtype, seed):
    colour, alpha = random_picture(size, dtype, seed)
    other = np.where((alpha > 0)[..., None], colour, top(dtype)).astype(dtype)
    if (alpha > 0).any():
        np.testing.assert_array_equal(bleed(colour, alpha), bleed(other, alpha))


@pytest.mark.parametrize("level", [0, 255])
def test_with_no_hidden_or_no_visible_pixel_nothing_changes(level):
    colour, _ = random_picture((5, 6), "uint8", 0)
    assert bleed(colour, np.full((5, 6), level, np.uint8)) is colour


def test_hidden_pixels_resemble_the_near_ones_not_the_far_ones():
    colour = np.zeros((32, 64, 1), np.uint8)
    alpha = np.zeros((32, 64), np.uint8)
    colour[:, :8], alpha[:, :8] = 40, 255
    colour[:, -8:], alpha[:, -8:] = 200, 255
    filled = bleed(colour, alpha)[16, :, 0].astype(int)
    assert abs(filled[8] - 40) < 20 and abs(filled[55] - 200) < 20
    assert (np.diff(filled) >= 0).all() and np.diff(filled).max() < 25


def test_faint_pixels_weigh_little():
    colour = np.array([[[0], [0], [200]]], np.uint8)
    alpha = np.array([[255, 0, 1]], np.uint8)
    assert bleed(colour, alpha)[0, 1, 0] < 20


def test_gray_edges_mix_without_a_dark_fringe():
    colour = np.full((16, 16, 3), 220, np.uint8)
    alpha = np.zeros((16, 16), np.uint8)
    alpha[4:12, 4:12] = 255
    colour[alpha == 0] = 0
    filled = bleed(colour, alpha).reshape(8, 2, 8, 2, 3).mean((1, 3))
    assert (filled == 220).all()
