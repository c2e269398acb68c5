import pytest
import torch
from torch.nn import functional as F

from bigpicture.train.losses.adversarial import discriminator_loss, generator_loss
from bigpicture.train.losses.discriminator import UNetDiscriminator

GAMES = ["vanilla", "lsgan", "hinge"]


def test_vanilla_is_cross_entropy():
    real, fake = torch.randn(2, 2, 1, 5, 5).unbind()
    ones, zeros = torch.ones_like(real), torch.zeros_like(real)
    cost = F.binary_cross_entropy_with_logits
    torch.testing.assert_close(generator_loss(fake), cost(fake, ones))
    torch.testing.assert_close(discriminator_loss(real, fake), cost(real, ones) + cost(fake, zeros))


def test_the_others_follow_their_formulas():
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])
    assert generator_loss(fake, "lsgan") == pytest.approx((0.25 + 16) / 2)
    assert discriminator_loss(real, fake, "lsgan") == pytest.approx((1 + 4 + 0.25 + 9) / 2)
    assert generator_loss(fake, "hinge") == pytest.approx(1.25)
    assert discriminator_loss(real, fake, "hinge") == pytest.approx((0 + 2 + 1.5 + 0) / 2)


@pytest.mark.parametrize("game", GAMES)
def test_each_player_pulls_its_way(game):
    real, fake = (torch.full((1,), 0.5).requires_grad_() for _ in range(2))
    discriminator_loss(real, fake, game).backward()
    assert real.grad < 0 < fake.grad
    fake.grad = None
    generator_loss(fake, game).backward()
    assert fake.grad < 0


@pytest.mark.parametrize("game", GAMES)
def test_extreme_judgements_stay_finite(game):
    far = torch.tensor([1e4, -1e4])
    assert discriminator_loss(far, far, game).isfinite()
    assert generator_loss(far.bfloat16(), game).dtype == torch.float32


@pytest.fixture
def discriminator():
    return UNetDiscriminator(channels=8)


def test_the_published_size():
    with torch.device("meta"):
        network = UNetDiscriminator()
    assert sum(p.numel() for p in network.parameters()) == 4_376_897


@pytest.mark.parametrize("size", [(8, 8), (24, 32), (9, 50), (17, 31)])
def test_every_pixel_is_judged(discriminator, size):
    assert discriminator(torch.rand(2, 3, *size)).shape == (2, 1, *size)


def test_gray_pictures_go():
    assert UNetDiscriminator(colours=1, channels=4)(torch.rand(1, 1, 8, 8)).shape == (1, 1, 8, 8)


def test_small_pictures_are_refused(discriminator):
    with pytest.raises(ValueError, match="picture is 7×20"):
        discriminator(torch.rand(1, 3, 7, 20))


def test_kernels_have_the_spectral_norm_of_one(discriminator):
    for _ in range(40):  # each call is a step of the power iteration
        discriminator(torch.rand(1, 3, 8, 8))
    for layer in (*discriminator.down, *discriminator.up, *discriminator.refine):
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
        assert largest.item() == pytest.approx(1, abs=0.02)


def test_a_batch_is_its_pictures_one_by_one(discriminator):
    discriminator.eval()
    x = torch.rand(3, 3, 16, 16)
    alone = torch.cat([discriminator(image[None]) for image in x])
    torch.testing.assert_close(discriminator(x), alone)


def test_every_parameter_learns_and_pictures_get_a_gradient(discriminator):
    x = torch.rand(2, 3, 16, 16, requires_grad=True)
    generator_loss(discriminator(x)).backward()
    assert all(p.grad.abs().sum() > 0 for p in discriminator.parameters())
    assert x.grad.abs().sum() > 0


def test_states_are_saved_and_loaded(discriminator):
    other = UNetDiscriminator(channels=8)
    other.load_state_dict(discriminator.state_dict())
    x = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(discriminator.eval()(x), other.eval()(x))


@pytest.mark.parametrize("game", GAMES)
def test_a_discriminator_learns_to_tell_noise_from_smooth(game):
    torch.manual_seed(1)
    network = UNetDiscriminator(channels=8)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(80):
        real = torch.rand(4, 3, 2, 2).repeat_interleave(8, -1).repeat_interleave(8, -2)
        fake = torch.rand(4, 3, 16, 16)
        optimiser.zero_grad()
        discriminator_loss(network(real), network(fake), game).backward()
        optimiser.step()
    assert network(real).mean() > network(fake).mean() + 0.2
