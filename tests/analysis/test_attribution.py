import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from bigpicture.analysis.attribution import BlurPath, attribute, detail, detail_within
from bigpicture.analysis.spread import (
    diffusion_index,
    distance_holding,
    gini,
    share_beyond,
    shares_by_distance,
)
from bigpicture.analysis.windows import around, busiest, over, under
from bigpicture.models.catalog import build

LOW = torch.rand(1, 3, 20, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
WINDOW = slice(8, 12), slice(10, 13)


def convolving(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Conv2d(3, 3, 3, padding=1).double().requires_grad_(False)


class AddingTheMean(nn.Module):
    """Each pixel becomes a convolution of its window, times the mean of the whole picture."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.local = convolving()
        self.share = share

    def forward(self, x):
        waves = torch.linspace(0, 9, x.shape[-1], dtype=x.dtype).sin()
        return (1 - self.share) * self.local(x) + self.share * x.mean((1, 2, 3), True) * waves


def test_a_convolution_is_attributed_inside_of_its_reach():
    found = attribute(convolving(), LOW, detail_within(WINDOW))
    used = found.values.abs() > 0
    rows, columns = used.nonzero().T
    # gradients need one pixel more below and to the right
    assert (rows.min(), rows.max()) == (7, 12 + 1)
    assert (columns.min(), columns.max()) == (9, 13 + 1)
    seen = used[7:14, 9:15]
    assert seen.flatten()[:-1].all()  # but for the corner, which no gradient has
    assert not seen[-1, -1]
    size = (20, 24)
    shares = shares_by_distance(found.values, under(WINDOW, size, size))
    assert share_beyond(shares, 1) == 0 < share_beyond(shares, 0)


def test_what_sees_the_mean_of_all_spreads_over_the_whole_picture():
    # stripes, which the blur changes alike everywhere, are mirrored into stripes
    stripes = torch.zeros(1, 3, 16, 16, dtype=torch.float64)
    stripes[..., ::2] = 1
    detector = detail_within((slice(6, 9), slice(6, 9)))
    found = [
        diffusion_index(attribute(AddingTheMean(share), stripes, detector).values)
        for share in (1.0, 0.0)
    ]
    assert found[0] == pytest.approx(100, abs=1e-6)
    assert found[1] < 20


def test_the_more_of_the_picture_counts_the_larger_the_index():
    found = [
        diffusion_index(attribute(AddingTheMean(share), LOW, detail_within(WINDOW)).values)
        for share in (0.0, 0.3, 0.9)
    ]
    assert found == sorted(found)
    assert found[2] > 3 * found[0]


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_all_shares_together_are_what_grew(share):
    network, detector = AddingTheMean(share), detail_within(WINDOW)
    for steps in (5, 20, 80):
        found = attribute(network, LOW, detector, BlurPath(steps=steps))
        assert found.sharp == pytest.approx(detector(network(LOW)).item())
        assert found.missing == pytest.approx(
            abs(found.values.sum().item() / (found.sharp - found.blurred) - 1)
        )
        assert found.missing < 1 / steps**2


def test_of_a_linear_detector_nothing_is_missing():
    def total(restored):
        return restored[..., 8:12, 10:13].sum((1, 2, 3))

    found = attribute(convolving(), LOW, total, BlurPath(steps=3))
    assert found.missing < 1e-9


def test_batches_of_steps_are_the_steps_one_by_one():
    network = build("uhdn", 2).double().eval().requires_grad_(False)
    low, path = LOW[..., :10, :10], BlurPath(steps=5)
    detector, done = detail_within((slice(4, 9), slice(4, 9))), []
    single = attribute(network, low, detector, path, advance=done.append)
    both = attribute(network, low, detector, path, batch=2)
    torch.testing.assert_close(single.values, both.values, rtol=1e-6, atol=1e-9)
    assert done == [1, 2, 3, 4, 5]
    assert single.values.shape == (10, 10)


def test_flat_pictures_have_slopes():
    found = attribute(convolving(), torch.full_like(LOW, 0.5), detail_within((slice(5, 8),) * 2))
    assert found.values.isfinite().all()


def test_the_path_ends_at_the_picture():
    path = BlurPath(sigma=2, steps=4)
    assert path.at(LOW, 1) is LOW
    spread = [path.at(LOW, alpha).std().item() for alpha in (0, 0.25, 0.5, 0.75, 1)]
    assert spread == sorted(spread)
    flat = torch.full_like(LOW, 0.5)
    torch.testing.assert_close(path.at(flat, 0), flat)


def test_detail_is_the_length_of_the_gradient():
    ramp = torch.arange(6.0) * 3 + torch.arange(5.0)[:, None] * 4
    torch.testing.assert_close(detail(ramp[None, None]), torch.full((1, 1, 4, 5), 5.0))


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(slice(0, 20), slice(0, 4)), (slice(-1, 4), slice(0, 4)), (slice(4, 4), slice(0, 4))],
)
def test_windows_beyond_the_result_are_refused(rows, columns):
    with pytest.raises(ValueError, match="first 23 columns and 19 rows .* 24 × 20 pixels"):
        attribute(convolving(), LOW, detail_within((rows, columns)))


def test_what_is_no_path_is_refused():
    for sigma in (0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"sigma must be above 0 pixels, not {sigma}"):
            BlurPath(sigma=sigma)
    with pytest.raises(ValueError, match="steps must be 1 or more, not 0"):
        BlurPath(steps=0)
    with pytest.raises(ValueError, match="batch must be 1 or more, not 0"):
        attribute(convolving(), LOW, detail_within(WINDOW), batch=0)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12).filter(any))
def test_gini_is_its_definition(values):
    g = torch.tensor(values, dtype=torch.float64)
    size = g.abs()
    pairs = (size[:, None] - size).abs().sum() / (2 * len(g) ** 2 * size.mean())
    assert gini(g) == pytest.approx(pairs.item(), abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 100])
def test_gini_of_known_vectors(n):
    assert gini(torch.full((n,), -0.3)) == pytest.approx(0, abs=1e-6)
    one = F.one_hot(torch.tensor(n - 1), n).double()
    assert gini(one) == pytest.approx(1 - 1 / n)
    ramp = torch.arange(1.0, n + 1)
    assert gini(ramp) == pytest.approx((n - 1) / (3 * n))
    assert diffusion_index(torch.ones(n, n)) == pytest.approx(100)


def test_without_attribution_there_are_no_shares():
    for measure in (gini, lambda zero: shares_by_distance(zero, (slice(0, 1),) * 2)):
        for value in (0.0, math.nan, math.inf):
            with pytest.raises(ValueError, match="0 everywhere, or NaN or infinite"):
                measure(torch.zeros(3, 3).index_fill(0, torch.tensor([1]), value))


def test_shares_are_of_squares_around_the_window():
    # as many pixels as the picture's borders leave of 1×2, 3×4, 5×6, 7×8, 7×9 and so on
    shares = shares_by_distance(-torch.ones(7, 9), (slice(3, 4), slice(2, 4)))
    assert (shares.cumsum(0) * 63).tolist() == pytest.approx([2, 12, 30, 49, 56, 63])
    assert share_beyond(shares, 1) == pytest.approx(51 / 63)
    assert share_beyond(shares, 100) == 0
    assert distance_holding(shares, 12 / 63) == 1
    assert distance_holding(shares, 0.2) == 2


def test_the_busiest_window_is_found():
    picture = torch.zeros(1, 1, 12, 12)
    picture[..., 6:9, 3:6] = torch.rand(3, 3) + 1
    assert busiest(picture, 4) == (7, 4)
    assert busiest(picture, 100) == (5, 5)
    assert busiest(picture[..., :1], 4) == (6, 0)


def test_a_window_lies_on_all_pixels_that_its_gradients_touch():
    window = slice(3, 9), slice(4, 7)
    assert under(window, (40, 32), (10, 8)) == (slice(0, 3), slice(1, 2))
    assert under(window, (25, 20), (10, 8)) == (slice(1, 4), slice(1, 4))
    # the next row and column, which gradients need, lie on pixels of their own
    assert under((slice(4, 8), slice(4, 8)), (20, 20), (5, 5)) == (slice(1, 3), slice(1, 3))


@given(
    st.tuples(st.integers(2, 9), st.integers(2, 9)),
    st.tuples(st.integers(0, 8), st.integers(0, 8)),
    st.sampled_from([1, 2, 4, 2.5]),
    st.integers(1, 20),
)
def test_the_window_over_a_pixel_lies_on_it(low, pixel, scale, side):
    pixel = tuple(min(place, length - 1) for place, length in zip(pixel, low, strict=True))
    size = tuple(round(length * scale) for length in low)
    window = over(pixel, scale, side, size)
    below = under(window, size, low)
    for there, length in zip(window, size, strict=True):
        assert 0 <= there.start < there.stop < length
        assert there.stop - there.start == min(side, length - 1)
    for beneath, place, length in zip(below, pixel, low, strict=True):
        assert 0 <= beneath.start <= place < beneath.stop <= length


def test_the_part_around_a_pixel_stays_in_the_picture():
    picture = torch.arange(30.0).view(1, 1, 5, 6)
    for row, column, side in [(0, 0, 3), (4, 5, 3), (2, 3, 4), (2, 3, 100), (2, 3, None)]:
        part = picture[..., *around(picture, (row, column), side)]
        assert picture[0, 0, row, column] in part
        expected = [length if side is None else min(side, length) for length in (5, 6)]
        assert list(part.shape[2:]) == expected
    with pytest.raises(ValueError, match="column 6, row 2 is not in the picture, .* 6 × 5"):
        around(picture, (2, 6), None)
