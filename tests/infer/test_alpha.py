import math

import pytest
import torch

from bigpicture.infer.alpha import bleed_colours, enlarge_alpha


def refuse(low):
    raise AssertionError("there is nothing to draw")


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_flat_stays_flat_without_a_run(value):
    alpha = torch.full((2, 1, 3, 4), value)
    assert torch.equal(enlarge_alpha(refuse, alpha, (9, 12)), torch.full((2, 1, 9, 12), value))


def test_what_was_flat_around_is_flat_and_ringing_is_gone():
    alpha = torch.zeros(1, 1, 8, 8)
    alpha[..., 4:] = 1
    noise = torch.rand(1, 1, 16, 16) * 4 - 2
    result = enlarge_alpha(lambda low: noise, alpha, (16, 16))
    assert (result[..., :7] == 0).all() and (result[..., 9:] == 1).all()
    assert torch.equal(result[..., 7:9], noise[..., 7:9].clamp(0, 1))


def test_bleeding_keeps_visible_pixels():
    colour, alpha = torch.rand(2, 3, 6, 6), (torch.rand(2, 1, 6, 6) > 0.5).float()
    result = bleed_colours(colour, alpha)
    assert torch.equal(result * alpha, colour * alpha)
    assert bleed_colours(colour, torch.ones_like(alpha)) is colour


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_each_pixel_stays_between_the_four_around_it(scale):
    alpha = torch.rand(1, 1, 5, 6)
    for extreme, bound in [(9.0, torch.amax), (-9.0, torch.amin)]:
        result = enlarge_alpha(
            lambda low, e=extreme: torch.full((1, 1, 5 * scale, 6 * scale), e),
            alpha,
            (5 * scale, 6 * scale),
        )
        for y in range(5 * scale):
            for x in range(6 * scale):
                rows, columns = (((i + 0.5) / scale - 0.5) for i in (y, x))
                around = alpha[
                    0,
                    0,
                    max(0, math.floor(rows)) : math.floor(rows) + 2,
                    max(0, math.floor(columns)) : math.floor(columns) + 2,
                ]
                assert result[0, 0, y, x] == bound(around)
