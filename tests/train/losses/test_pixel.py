import pytest
import torch
from torch.nn import functional as F

from bigpicture.train.losses.frequency import Frequency
from bigpicture.train.losses.pixel import L1, Charbonnier

LOSSES = [L1(), Charbonnier(), Frequency()]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)


@every_loss
def test_equal_pictures_cost_least(loss):
    x, y = torch.rand(2, 2, 3, 8, 9).unbind()
    assert loss(x, x) < 1.01e-3
    assert loss(x, x) < loss(x, x + 0.1 * (y - x)) < loss(x, y)
    torch.testing.assert_close(loss(x, y), loss(y, x))


@every_loss
def test_a_batch_costs_the_mean_of_its_pictures(loss):
    x, y = torch.rand(2, 4, 3, 8, 9).unbind()
    alone = [loss(a[None], b[None]) for a, b in zip(x, y, strict=True)]
    torch.testing.assert_close(loss(x, y), torch.stack(alone).mean())


@every_loss
def test_gradients_lead_to_the_reference(loss):
    x = torch.rand(1, 3, 8, 8).requires_grad_()
    y = torch.rand(1, 3, 8, 8)
    optimiser = torch.optim.Adam([x], lr=0.02)
    before = loss(x, y).item()
    for _ in range(60):
        optimiser.zero_grad()
        loss(x, y).backward()
        optimiser.step()
    assert loss(x, y) < 0.2 * before


@every_loss
def test_half_precision_is_computed_in_float32(loss):
    x, y = torch.rand(2, 1, 3, 8, 8).unbind()
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(x.bfloat16(), y)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, loss(x, y), atol=0.01, rtol=0.02)


def test_l1_is_pytorch_s():
    x, y = torch.rand(2, 2, 3, 8, 9).unbind()
    torch.testing.assert_close(L1()(x, y), F.l1_loss(x, y))


def test_charbonnier_follows_its_formula_and_has_a_gradient_everywhere():
    x = torch.tensor([0.0, 3e-3]).view(1, 1, 1, 2).requires_grad_()
    loss = Charbonnier(4e-3)(x, torch.zeros(1, 1, 1, 2))
    assert loss.item() == pytest.approx((4e-3 + 5e-3) / 2)
    loss.backward()
    assert x.grad.flatten().tolist() == pytest.approx([0, 0.5 * 3 / 5])
    with pytest.raises(ValueError, match=r"epsilon is 0"):
        Charbonnier(0.0)


def test_frequencies_are_those_of_the_error():
    """A wave of amplitude a at one frequency: two of H·W coefficients are a/2 · √(H·W)."""
    height = width = 16
    wave = 0.2 * torch.cos(2 * torch.pi * 3 * torch.arange(width) / width)
    error = wave.expand(1, 1, height, width)
    found = Frequency()(torch.rand(1, 1, height, width) * 0 + error, torch.zeros_like(error))
    # Of the two only one lies in the half that a real transform has: H · (W/2 + 1) numbers, twice.
    expected = 0.1 * (height * width) ** 0.5 / (2 * height * (width // 2 + 1))
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_frequencies_do_not_depend_on_the_size():
    losses = [Frequency()(torch.randn(1, 1, s, s), torch.zeros(1, 1, s, s)) for s in (32, 128)]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=0.1)
