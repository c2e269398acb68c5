import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigpicture.infer.plan import Plan, framed, sizes_to, target_size
from bigpicture.models.contract import Limits


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ({}, (60, 100)),
        ({"scale": 1.5}, (45, 75)),
        ({"scale": 0.01}, (1, 1)),
        ({"size": (17, 1000)}, (17, 1000)),
        ({"to_width": 101}, (61, 101)),
        ({"to_height": 1}, (1, 2)),
        ({"to_width": 7, "to_height": 9}, (9, 7)),
        ({"size": (np.int64(17), np.uint8(100))}, (17, 100)),
        ({"to_width": np.int32(101)}, (61, 101)),
    ],
)
def test_target_size(arguments, size):
    assert target_size(30, 50, **{"scale": 2} | arguments) == size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 0}, "scale must be a positive number, not 0"),
        ({"scale": float("nan")}, "scale must be a positive number, not nan"),
        ({"size": (0, 5)}, "height must be a whole number of pixels, at least 1, not 0"),
        ({"to_width": -5}, "width must be .*, not -5"),
        ({"size": (5, 5), "to_width": 5}, "give one or the other"),
    ],
)
def test_sizes_that_are_none(arguments, message):
    with pytest.raises(ValueError, match=message):
        target_size(30, 50, **{"scale": 2} | arguments)


@pytest.mark.parametrize(
    ("size", "scale", "count"),
    [
        ((30, 50), 2, 0),
        ((31, 10), 2, 1),
        ((60, 100), 2, 1),
        ((60, 101), 2, 2),
        ((240, 400), 2, 3),
        ((120, 200), 4, 1),
        ((99, 99), 1, 1),
    ],
)
def test_passes(size, scale, count):
    assert len(sizes_to(30, 50, size, Limits(scale, 3, reach=1))) == count


@pytest.mark.parametrize("size", [(31, 50), (240, 400)])
def test_a_network_for_any_scale_renders_the_exact_size_in_one_pass(size):
    assert sizes_to(30, 50, size, Limits(4, 3, reach=1, any_scale=True)) == [size]


def test_nothing_larger_needs_no_network():
    assert sizes_to(30, 50, (30, 49), Limits(4, 3, reach=1, any_scale=True)) == []


@given(*[st.integers(1, 3000)] * 4)
def test_what_fits_is_within_the_frame_and_what_fills_covers_it(height, width, high, wide):
    inside, none = framed(height, width, (high, wide), "fit")
    assert none is None and inside[0] <= high and inside[1] <= wide
    assert inside[0] == high or inside[1] == wide
    around, frame = framed(height, width, (high, wide), "fill")
    assert around[0] >= high and around[1] >= wide
    assert around[0] == high or around[1] == wide
    rows, columns = Plan(around, (), frame).cut
    assert (rows.stop - rows.start, columns.stop - columns.start) == (high, wide)
    for size in (inside, around):
        assert abs(size[0] * width - size[1] * height) <= 0.5 * max(height, width) + width + height


def test_framings_that_are_none(unchecked):
    with pytest.raises(ValueError, match="one of stretch, fit, fill, not 'squeeze'"):
        unchecked(framed, 1, 1, (1, 1), "squeeze")


@pytest.mark.parametrize(
    ("size", "framing"),
    [((2**19, 2**18), "stretch"), ((2**19, 1), "fill"), ((2**40, 2**40), "fit")],
)
def test_sizes_that_nobody_means(size, framing):
    with pytest.raises(ValueError, match="of at most 68719476736; give a smaller scale or size"):
        framed(1, 2**18, size, framing)


def test_no_network_is_asked_to_shrink_a_side():
    limits = Limits(4, 3, reach=1, any_scale=True)
    assert sizes_to(30, 50, (31, 1), limits) == [(31, 50)]
    assert sizes_to(30, 50, (2, 400), limits) == [(30, 400)]
