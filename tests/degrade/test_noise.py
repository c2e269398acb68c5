import pytest
import torch

from bigpicture.degrade.noise import CorrelatedNoise, GaussianNoise, PoissonNoise

MIDDLE = torch.full((3, 200, 200), 128 / 255, dtype=torch.float64)
STEPS = [
    GaussianNoise(20, False, 3),
    GaussianNoise(20, True, 3),
    PoissonNoise(0.1, False, 3),
    PoissonNoise(0.1, True, 3),
    CorrelatedNoise(((10, 0, 0), (5, 5, 0), (0, 0, 3)), 3),
]


@pytest.mark.parametrize("step", STEPS)
def test_the_seed_decides(step):
    noisy = step.apply(MIDDLE, (1, 1))
    assert torch.equal(noisy, step.apply(MIDDLE, (1, 1)))
    other = type(step)(**{**vars(step), "seed": 4}).apply(MIDDLE, (1, 1))
    assert not torch.equal(noisy, other)


@pytest.mark.parametrize("step", STEPS)
def test_clipped_and_on_average_nothing(step):
    assert step.apply(MIDDLE, (1, 1)).mean().item() == pytest.approx(128 / 255, abs=1e-3)
    bright = step.apply(torch.ones_like(MIDDLE), (1, 1))
    assert bright.max() <= 1


@pytest.mark.parametrize("step", STEPS)
def test_gray_pictures_too(step):
    noisy = step.apply(MIDDLE[:1], (1, 1))
    assert noisy.shape == (1, 200, 200)
    assert noisy.std() > 0


@pytest.mark.parametrize("step", STEPS)
def test_the_global_generator_is_left_alone(step):
    before = torch.get_rng_state()
    step.apply(MIDDLE, (1, 1))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("gray", [False, True])
def test_normal_noise_has_its_deviation(gray):
    noise = (GaussianNoise(20, gray, 1).apply(MIDDLE, (1, 1)) - MIDDLE) * 255
    assert noise.std().item() == pytest.approx(20, rel=0.02)
    assert torch.equal(noise[0], noise[1]) == gray
    if not gray:
        assert noise.flatten(1).corrcoef().triu(1).abs().max() < 0.02


def test_correlated_noise_has_its_covariance():
    mixing = ((10.0, 0, 0), (5, 5, 0), (0, -4, 3))
    noise = (CorrelatedNoise(mixing, 1).apply(MIDDLE, (1, 1)) - MIDDLE) * 255
    matrix = torch.tensor(mixing, dtype=torch.float64)
    torch.testing.assert_close(noise.flatten(1).cov(), matrix @ matrix.mT, atol=1.5, rtol=0.03)


@pytest.mark.parametrize("gray", [False, True])
def test_counted_light_varies_with_the_brightness(gray):
    """Of 4 different levels, v is 4: the variance is scale² · level / v."""
    levels = torch.tensor([64, 64, 64, 96, 128, 160, 128, 128]) / 255
    image = levels.double().repeat_interleave(60)[None, None].expand(3, 480, 480)
    noise = PoissonNoise(0.1, gray, 1).apply(image, (1, 1)) - image
    for level, columns in ((64, slice(0, 180)), (160, slice(300, 360))):
        found = noise[..., columns].var().item()
        assert found == pytest.approx(0.01 * level / 255 / 4, rel=0.05)
    assert torch.equal(noise[0], noise[1]) == gray
