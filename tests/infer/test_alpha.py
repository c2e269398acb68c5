import pytest
import torch

from bigpicture.infer.alpha import bleed_colours, enlarge_alpha


def refuse(low):
    raise AssertionError("there is nothing to draw")


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_flat_stays_flat_without_a_run(value):
    alpha = torch.full((2, 1, 3, 4), value)
    assert torch.equal(enlarge_alpha(refuse, alpha, 3), torch.full((2, 1, 9, 12), value))


def test_what_was_flat_around_is_flat_and_ringing_is_gone():
    alpha = torch.zeros(1, 1, 8, 8)
    alpha[..., 4:] = 1
    noise = torch.rand(1, 1, 16, 16) * 4 - 2
    result = enlarge_alpha(lambda low: noise, alpha, 2)
    assert (result[..., :6] == 0).all() and (result[..., 10:] == 1).all()
    assert torch.equal(result[..., 6:10], noise[..., 6:10].clamp(0, 1))


def test_bleeding_keeps_visible_pixels():
    colour, alpha = torch.rand(2, 3, 6, 6), (torch.rand(2, 1, 6, 6) > 0.5).float()
    result = bleed_colours(colour, alpha)
    assert torch.equal(result * alpha, colour * alpha)
    assert bleed_colours(colour, torch.ones_like(alpha)) is colour
