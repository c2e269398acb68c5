import math

import pytest
import torch

from bigpicture.degrade import kernels

FAMILIES = {
    "gaussian": lambda size, sigma, angle: kernels.gaussian(size, sigma, angle),
    "generalised": lambda size, sigma, angle: kernels.generalised_gaussian(size, sigma, angle, 0.7),
    "plateau": lambda size, sigma, angle: kernels.plateau(size, sigma, angle, 1.6),
}
every_family = pytest.mark.parametrize("bell", FAMILIES.values(), ids=FAMILIES)


@every_family
@pytest.mark.parametrize("sigma", [(0.2, 0.2), (3.0, 0.4), (1.5, 1.5), (1e-9, 2.0)])
@pytest.mark.parametrize("size", [1, 7, 21])
def test_weights_are_shares(bell, sigma, size):
    kernel = bell(size, sigma, 0.3)
    assert kernel.sum().item() == pytest.approx(1)
    assert (kernel >= 0).all()
    torch.testing.assert_close(kernel, kernel.flip(0, 1))
    assert kernel.argmax() == size**2 // 2


@every_family
def test_equal_widths_have_no_direction(bell):
    kernel = bell(11, (1.3, 1.3), 0.7)
    torch.testing.assert_close(kernel, bell(11, (1.3, 1.3), 0.0))
    for same in (kernel.mT, kernel.flip(0), kernel.flip(1)):
        torch.testing.assert_close(kernel, same)


@every_family
def test_turning(bell):
    kernel = bell(11, (2.0, 0.7), 0.0)
    assert kernel[5, 8] > kernel[8, 5]
    torch.testing.assert_close(bell(11, (2.0, 0.7), math.pi / 2), kernel.mT)
    torch.testing.assert_close(bell(11, (0.7, 2.0), 0.0), kernel.mT)
    down_right = bell(11, (2.0, 0.7), math.pi / 4)
    assert down_right[7, 7] > down_right[7, 3]


def test_a_gaussian_has_its_covariance():
    angle, sigma = 0.6, (2.0, 1.2)
    kernel = kernels.gaussian(41, sigma, angle)
    along = torch.arange(41.0, dtype=torch.float64) - 20
    y, x = torch.meshgrid(along, along, indexing="ij")
    turn = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]],
        dtype=torch.float64,
    )
    expected = turn @ torch.tensor(sigma, dtype=torch.float64).square().diag() @ turn.mT
    found = torch.stack([(kernel * x * x).sum(), (kernel * x * y).sum(), (kernel * y * y).sum()])
    torch.testing.assert_close(found, expected.flatten()[[0, 1, 3]], atol=1e-6, rtol=1e-6)


def test_the_families_meet_in_the_gaussian():
    torch.testing.assert_close(
        kernels.generalised_gaussian(9, (1.1, 2.0), 0.4, 1), kernels.gaussian(9, (1.1, 2.0), 0.4)
    )


def test_shapes_follow_the_formulas():
    size, sigma, beta = 5, (1.5, 0.8), 1.7
    inverse = torch.tensor([[1 / 1.5**2, 0], [0, 1 / 0.8**2]], dtype=torch.float64)
    for family, formula in (
        (kernels.generalised_gaussian, lambda d: math.exp(-0.5 * d**beta)),
        (kernels.plateau, lambda d: 1 / (1 + d**beta)),
    ):
        kernel = family(size, sigma, 0.0, beta)
        points = [torch.tensor(p, dtype=torch.float64) for p in ((0, 0), (1, 0), (2, -1))]
        values = [formula((p @ inverse @ p).item()) for p in points]
        found = [kernel[2 + int(p[1]), 2 + int(p[0])].item() for p in points]
        assert found[1] / found[0] == pytest.approx(values[1] / values[0])
        assert found[2] / found[0] == pytest.approx(values[2] / values[0])


def test_an_offset_moves_the_centre_right_and_down():
    kernel = kernels.gaussian(25, (1.5, 1.5), offset=1.5)
    along = torch.arange(25.0, dtype=torch.float64) - 12
    assert (kernel.sum(0) @ along).item() == pytest.approx(1.5, abs=1e-6)
    assert (kernel.sum(1) @ along).item() == pytest.approx(1.5, abs=1e-6)


@pytest.mark.parametrize("cutoff", [math.pi / 5, math.pi / 3, 2.0])
def test_a_long_sinc_passes_what_is_below_its_cutoff(cutoff):
    kernel = kernels.sinc(201, cutoff)
    assert kernel.sum().item() == pytest.approx(1)
    torch.testing.assert_close(kernel, kernel.mT)
    torch.testing.assert_close(kernel, kernel.flip(0))
    frequency = 2 * math.pi * torch.fft.fftfreq(201, dtype=torch.float64)
    radius = (frequency[:, None].square() + frequency.square()).sqrt()
    response = torch.fft.fft2(kernel).abs()
    assert (response[radius < cutoff - 0.3] - 1).abs().max() < 0.1
    assert response[(radius > cutoff + 0.3) & (radius < math.pi)].max() < 0.1


def test_a_short_sinc_rings():
    kernel = kernels.sinc(21, 1.2)
    assert kernel.min() < 0
    assert kernel.argmax() == 21**2 // 2


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: kernels.gaussian(4, (1, 1)), "size is 4"),
        (lambda: kernels.gaussian(5, (1, 0)), "sigma is 0"),
        (lambda: kernels.plateau(5, (1, 1), 0, -1), "beta is -1"),
        (lambda: kernels.generalised_gaussian(5, (1, 1), 0, 0), "beta is 0"),
        (lambda: kernels.sinc(5, 4), "cutoff is 4"),
        (lambda: kernels.sinc(0, 1), "size is 0"),
    ],
)
def test_nonsense_is_refused(make, reason):
    with pytest.raises(ValueError, match=reason):
        make()
