"""What is drawn agrees with the published probabilities."""

import numpy as np
import pytest
import torch
from scipy.linalg import orth

from bigpicture.degrade.bsrgan import BSRGAN, _correlated
from bigpicture.degrade.compression import Compression
from bigpicture.degrade.draw import uniform
from support.draws import near, share

DRAWS = 3000


@pytest.fixture(scope="module", params=[2, 4])
def drawn(request):
    generator = torch.Generator().manual_seed(0)
    return request.param, [BSRGAN().draw(generator, request.param) for _ in range(DRAWS)]


def is_halved(chain):
    return chain.steps[0].kind == "resize" and len(shrinkings(chain)) == 3


def shrinkings(chain):
    return [step for step in chain.steps if step.kind in ("resize", "subsample")]


def test_the_steps_of_each_kind(drawn):
    scale, chains = drawn
    halved = share(map(is_halved, chains))
    assert halved == (near(0.25) if scale == 4 else 0)
    for chain in chains:
        kinds = [step.kind for step in chain.steps]
        assert kinds.count("blur") == 2
        assert sum("noise" in kind for kind in kinds) == 1
        assert kinds[-1] == "compression"
        assert shrinkings(chain)[-1].ratio == 1
    assert share(len([s for s in c.steps if s.kind == "compression"]) == 2 for c in chains) == near(
        0.9
    )


def test_the_order_is_random(drawn):
    _, chains = drawn
    first = [chain.steps[is_halved(chain)].kind for chain in chains]
    # Two of six places are blurs; of two resizings either may be drawn, but the first comes first.
    assert share(kind == "blur" for kind in first) == near(2 / 6)
    assert share(kind in ("resize", "subsample") for kind in first) == near(2 / 6)
    assert share("noise" in kind for kind in first) == near(1 / 6)
    assert share(kind == "compression" for kind in first) == near(1 / 6 * 0.9)


def test_blurs(drawn):
    scale, chains = drawn
    for halved in {False, True} if scale == 4 else {False}:
        left = scale / 2 if halved else scale
        chosen = [chain for chain in chains if is_halved(chain) == halved]
        bells = [s.kernel for c in chosen for s in c.steps if s.kind == "blur"]
        round_ones = [bell for bell in bells if bell.rotation == 0]
        assert share(bell.rotation == 0 for bell in bells) == near(0.5)
        assert {bell.size for bell in bells} == set(range(7, 27, 2))
        widths = [bell.sigma[0] for bell in round_ones]
        assert max(widths) <= 2 + 0.2 * left
        assert sum(widths) / len(widths) == pytest.approx((2 + 0.2 * left) / 2, rel=0.07)
        variances = [sigma**2 for bell in bells if bell.rotation for sigma in bell.sigma]
        assert max(variances) <= 4 + left
        assert sum(variances) / len(variances) == pytest.approx((4 + left) / 2, rel=0.07)


def test_resizings(drawn):
    scale, chains = drawn
    first = [shrinkings(chain)[is_halved(chain)] for chain in chains]
    by_factor = [step for step in first if step.kind == "resize"]
    assert share(step.kind == "resize" for step in first) == near(0.75)
    for method in ("coverage", "bilinear", "bicubic"):
        assert share(step.method == method for step in by_factor) == near(1 / 3)
    assert min(step.ratio for step in by_factor) >= 0.5
    assert max(step.ratio for step in by_factor) <= scale
    assert {step.step for step in first if step.kind == "subsample"} <= {scale, scale // 2}
    if scale == 4:
        halvings = [chain.steps[0] for chain in chains if is_halved(chain)]
        assert {step.ratio for step in halvings} == {2}
        assert share(step.method == "imresize" for step in halvings) == near(0.5)


def test_noise(drawn):
    _, chains = drawn
    noise = [step for chain in chains for step in chain.steps if "noise" in step.kind]
    assert share(step.kind == "correlated_noise" for step in noise) == near(0.2)
    plain = [step for step in noise if step.kind == "gaussian_noise"]
    assert share(step.gray for step in plain) == near(0.5)
    assert {step.sigma for step in plain} == set(range(2, 26))
    assert len({step.seed for step in noise}) == len(noise)
    for step in noise:
        if step.kind == "correlated_noise":
            matrix = torch.tensor(step.mixing, dtype=torch.float64)
            variances = (matrix @ matrix.mT).diagonal()
            assert variances.max() <= 25**2 + 1e-6


def test_correlated_noise_has_the_program_s_covariance():
    for seed in range(50):
        mixing = np.array(_correlated(torch.Generator().manual_seed(seed), 25).mixing)
        generator = torch.Generator().manual_seed(seed)
        drawn = np.array([uniform(generator, 0, 1) for _ in range(12)])
        axes, shares = orth(drawn[:9].reshape(3, 3)), np.diag(drawn[9:])
        covariance = np.abs(25**2 * axes.T @ shares @ axes)
        np.testing.assert_allclose(mixing @ mixing.T, covariance, rtol=1e-9, atol=1e-9)


def test_qualities(drawn):
    _, chains = drawn
    files = [s for c in chains for s in c.steps if isinstance(s, Compression)]
    assert {step.quality for step in files} == set(range(30, 96))
    assert {step.codec for step in files} == {"jpeg"}


def test_webp_on_demand():
    generator = torch.Generator().manual_seed(0)
    chains = [BSRGAN(webp=0.5).draw(generator, 2) for _ in range(400)]
    assert share(chain.steps[-1].codec == "webp" for chain in chains) == pytest.approx(0.5, abs=0.1)


def test_a_sample_of_a_large_cell_is_from_its_middle():
    generator = torch.Generator().manual_seed(0)
    ramp = (torch.arange(1240.0) / 1240).double().expand(1, 1240, 1240)
    found = [s for _ in range(60) for s in BSRGAN().draw(generator, 31).steps]
    steps = [step for step in found if step.kind == "subsample" and step.sigma < 5]
    assert steps
    for step in steps:
        half = step.step / 2
        low = step.apply(ramp, (40, 40))[0, 5]
        middles = (torch.arange(len(low)) * step.step + half - 0.5).double() / 1240
        torch.testing.assert_close(low[2:-2], middles[2:-2], atol=0.01 / 1240, rtol=0)


@pytest.mark.parametrize("scale", [1, 1.3, 2.5, 3.999, 8])
def test_other_scales(scale):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, 50, 41)
    for _ in range(10):
        low = BSRGAN().draw(generator, scale).degrade(image, scale)
        assert low.shape == (3, int(50 / scale), int(41 / scale))
