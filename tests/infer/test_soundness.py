import pytest
import torch

from bigpicture.infer.soundness import UnsoundError, check_sound


def low_precision():
    return torch.autocast("cpu", torch.bfloat16)


@pytest.fixture
def low():
    return torch.rand(3, 3, 5, 6)


def dead(*values: float) -> torch.Tensor:
    """Return a picture of even channels."""
    return torch.tensor(values).view(1, 3, 1, 1).expand(1, 3, 10, 12)


@pytest.mark.parametrize("values", [(0.0, 0.0, 0.0), (0.4488, 0.4371, 0.4040), (0.0, 0.5, 1.0)])
def test_even_colours_are_told_whichever_they_are(low, values):
    with low_precision(), pytest.raises(UnsoundError, match=f"an even {values[0]:g} of"):
        check_sound(dead(*values), low[:1])


def test_a_good_picture_hides_no_bad_one_beside_it(low):
    restored = torch.cat([torch.rand(2, 3, 10, 12), dead(0.1, 0.2, 0.3)])
    with low_precision(), pytest.raises(UnsoundError, match=r"an even 0\.1 of"):
        check_sound(restored, low)


def test_nor_do_two_good_channels(low):
    restored = torch.rand(3, 3, 10, 12)
    restored[1, 2] = 0.75
    with low_precision(), pytest.raises(UnsoundError, match=r"an even 0\.75 of"):
        check_sound(restored, low)


def test_what_was_even_may_be_even_and_what_nearly_was_too(low):
    low[0], low[1, 1], low[2] = 0.25, 1.0, 1.0
    low[2, :, 2, 3] = 254 / 255
    restored = torch.rand(3, 3, 10, 12)
    restored[0], restored[1, 1], restored[2] = 0.5, 0.5, 1.0
    with low_precision():
        assert check_sound(restored, low) is restored
    restored[2] = 0.0  # which is not near
    with low_precision(), pytest.raises(UnsoundError):
        check_sound(restored, low)


def test_in_float32_an_even_picture_is_what_the_network_draws(low):
    assert check_sound(dead(0.1, 0.2, 0.3), low[:1]).shape == (1, 3, 10, 12)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_no_number_passes_in_any_precision(low, value):
    restored = torch.rand(3, 3, 10, 12)
    restored[1, 1, 4, 5] = value
    with pytest.raises(UnsoundError, match="NaN or infinite"):
        check_sound(restored, low)
