from hypothesis import given
from hypothesis import strategies as st

from bigpicture.data.degraded import _scale
from bigpicture.degrade.bi import low_size


@given(st.integers(1, 300), st.integers(0, 2000))
def test_a_crop_shrinks_to_its_side_and_nothing_of_it_is_cut_off(low, more):
    scale = _scale(low + more, low)
    assert low_size(low + more, low + more, scale) == (low, low)
    assert round(low * scale) == low + more
