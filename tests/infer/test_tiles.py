import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigpicture.infer.tiles import cut


@st.composite
def pictures(draw):
    multiple = draw(st.integers(1, 8))
    height, width = (multiple * draw(st.integers(1, 40)) for _ in range(2))
    side, halo = draw(st.integers(1, 100)), draw(st.integers(0, 40))
    smallest = draw(st.integers(1, 20))
    return height, width, side, halo, multiple, smallest


@given(pictures())
def test_own_regions_hold_each_pixel_once_and_windows_hold_them(picture):
    height, width, side, halo, multiple, smallest = picture
    seen = np.zeros((height, width), int)
    positions = np.arange(height * width).reshape(height, width)
    for tile in cut(height, width, side, halo, multiple, smallest):
        seen[tile.own()] += 1
        window = positions[tile.window]
        assert window.size == tile.pixels
        assert (window[tile.inside()] == positions[tile.own()]).all()
        assert (window.shape[0], window.shape[1]) == (tile.part.rows.tile, tile.part.columns.tile)
        assert (tile.part.rows.whole, tile.part.columns.whole) == (height, width)
        for edge in (*tile.own(), *tile.window):
            assert edge.start % multiple == edge.stop % multiple == 0
    assert (seen == 1).all()


@given(pictures())
def test_sides_are_even_and_bounded(picture):
    height, width, side, halo, multiple, smallest = picture
    tiles = cut(height, width, side, halo, multiple, smallest)
    for axis, length in ((0, height), (1, width)):
        sides = {tile.part[axis].stop - tile.part[axis].start for tile in tiles}
        assert max(sides) - min(sides) <= multiple
        assert min(sides) >= min(smallest, length)
        assert max(sides) < side + multiple or max(sides) < 2 * (smallest + multiple)
        for tile in tiles:
            span = tile.part[axis]
            after = span.tile - span.offset - (span.stop - span.start)
            at_border = span.start == span.offset
            assert halo <= span.offset < halo + multiple or at_border
            assert halo <= after < halo + multiple or span.stop + after == length


@given(st.integers(1, 200), st.integers(1, 100), st.integers(0, 40), st.integers(1, 32))
def test_aligned_edges_leave_the_border_where_it_is(length, side, halo, align):
    tiles = cut(1, length, side, halo, align=align)
    for tile in tiles:
        for edges in (tile.own()[1], tile.window[1]):
            assert edges.start % align == 0
            assert edges.stop % align == 0 or edges.stop == length
    assert tiles[0].own()[1].start == 0
    assert tiles[-1].own()[1].stop == length
    assert sum(tile.own()[1].stop - tile.own()[1].start for tile in tiles) == length


@pytest.mark.parametrize("side", [None, 50, 1000])
def test_no_or_a_large_side_leaves_one_tile(side):
    (tile,) = cut(50, 40, side)
    assert tile.window == tile.own() == (slice(0, 50), slice(0, 40))


def test_the_last_tile_is_not_thin():
    assert [t.own()[1].stop for t in cut(10, 130, 64, 0)] == [43, 86, 130]


@given(pictures(), st.integers(1, 500), st.integers(1, 500))
def test_each_pixel_of_a_result_of_any_size_belongs_to_one_tile(picture, high, wide):
    height, width, side, halo, multiple, smallest = picture
    seen = np.zeros((high, wide), int)
    for tile in cut(height, width, side, halo, multiple, smallest):
        (top, bottom), (left, right) = tile.on_result((high, wide))
        seen[top:bottom, left:right] += 1
        for row in range(top, bottom):
            centre = (row + 0.5) * height / high
            assert tile.part.rows.start <= centre <= tile.part.rows.stop
    assert (seen == 1).all()


def test_finer_grids():
    _, tile = cut(8, 16, 8, 2)
    assert tile.own(3) == (slice(0, 24), slice(24, 48))
    assert tile.inside(3) == (slice(0, 24), slice(6, 30))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"side": 0}, "side of a tile must be at least 1 pixel, not 0"),
        ({"halo": -1}, "halo must be 0 pixels or more, not -1"),
        ({"multiple": 3}, "10×8 must be padded to multiples of 3"),
        ({"smallest": 0}, "smallest must be at least 1, not 0"),
    ],
)
def test_wrong_numbers(arguments, message):
    with pytest.raises(ValueError, match=message):
        cut(8, 10, **arguments)
