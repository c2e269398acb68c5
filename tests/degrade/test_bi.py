import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from bigpicture.degrade.bi import bi, crop_to_scale, low_size
from bigpicture.image.resize import resize_stored


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_reproduces_a_benchmark_file(shared, scale):
    folder = shared / "data" / "benchmarks" / "Set14"
    high = pyvips.Image.new_from_file(str(folder / "HR" / "comic.png")).numpy()
    low = folder / "LR_bicubic" / f"X{scale}" / f"comicx{scale}.png"
    np.testing.assert_array_equal(bi(high, scale), pyvips.Image.new_from_file(str(low)).numpy())


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 8))
def test_sizes_of_whole_scales(h, w, scale):
    if min(h, w) < scale:
        with pytest.raises(
            ValueError, match=f"the picture is {w}×{h}; .* at least {scale} pixels a side"
        ):
            bi(picture(h, w, 3), scale)
        return
    cropped = crop_to_scale(picture(h, w, 3), scale)
    low = bi(picture(h, w, 3), scale)
    assert tuple(scale * side for side in low.shape[:2]) == cropped.shape[:2]
    np.testing.assert_array_equal(low, resize_stored(cropped, scale=1 / scale))


@given(st.integers(8, 60), st.floats(1.0, 8.0))
def test_sizes_of_fractional_scales(side, scale):
    low = bi(picture(side, side), scale)
    cropped = crop_to_scale(picture(side, side), scale)
    assert cropped.shape[0] == round(low.shape[0] * scale) <= side


@pytest.mark.parametrize(("side", "scale"), [(33, 1.1), (33, 2.2), (81, 2.7)])
def test_rounding_errors_of_the_division_lose_no_pixel(side, scale):
    assert int(side / scale) < round(side / scale)
    assert bi(picture(side, side), scale).shape == (round(side / scale), round(side / scale))
    assert crop_to_scale(picture(side, side), scale).shape == (side, side)


@given(st.integers(1, 400), st.integers(10, 80))
def test_what_a_decimal_scale_divides_is_covered(tens, tenths):
    assert low_size(tens * tenths, 7 * tenths, tenths / 10) == (10 * tens, 70)


@pytest.mark.parametrize(("scale", "least"), [(4, 4), (2.5, 3)])
def test_a_picture_below_one_cell_is_told_what_would_do(scale, least):
    with pytest.raises(ValueError, match=f"the picture is 9×2; .* at least {least} pixels a side"):
        bi(picture(2, 9), scale)
    assert bi(picture(least, 9), scale).shape[0] == 1


def test_border_of_old_matlab():
    high = picture(12, 12)
    assert (bi(high, 2) != bi(high, 2, border="clamp")).any()


@pytest.mark.parametrize("scale", [0, 0.5, -2, float("nan")])
def test_a_scale_below_one_is_refused(scale):
    with pytest.raises(ValueError, match=f"scale is {scale}"):
        bi(picture(12, 12), scale)
