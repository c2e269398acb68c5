"""What is drawn agrees with the published probabilities."""

import math
from collections import Counter

import pytest
import torch

from bigpicture.degrade.blur import Bell, Sinc
from bigpicture.degrade.realesrgan import RealESRGAN
from support.draws import near, share

DRAWS, SCALE = 3000, 4


@pytest.fixture(scope="module")
def chains():
    generator = torch.Generator().manual_seed(0)
    return [RealESRGAN().draw(generator, SCALE).steps for _ in range(DRAWS)]


@pytest.fixture(scope="module")
def passes(chains):
    """The steps of the first pass, of the second before its end, and of the end."""
    parts = []
    for steps in chains:
        first = [step.kind for step in steps].index("compression") + 1
        second = next(i for i in range(first, len(steps)) if "noise" in steps[i].kind) + 1
        parts.append((steps[:first], steps[first:second], steps[second:]))
    return [list(part) for part in zip(*parts, strict=True)]


def blurs(part):
    return [step.kernel for steps in part for step in steps if step.kind == "blur"]


def test_the_steps_of_each_pass(passes):
    first, second, end = passes
    orders = Counter(tuple(s.kind.removeprefix("gaussian_").removeprefix("poisson_") for s in steps)
                     for steps in first)  # fmt: skip
    assert set(orders) == {("blur", "resize", "noise", "compression")}
    assert share(steps[0].kind == "blur" for steps in second) == near(0.8)
    assert share(steps[-1].kind == "compression" for steps in end) == near(0.5)
    assert share(any(s.kind == "blur" for s in steps) for steps in end) == near(0.8)
    for steps in end:
        assert [s.ratio for s in steps if s.kind == "resize"] == [1]


@pytest.mark.parametrize(("number", "widest"), [(0, 3), (1, 1.5)])
def test_kernels(passes, number, widest):
    kernels = blurs(passes[number])
    assert {kernel.size for kernel in kernels} == set(range(7, 23, 2))
    assert share(isinstance(kernel, Sinc) for kernel in kernels) == near(0.1)
    bells = [kernel for kernel in kernels if isinstance(kernel, Bell)]
    found = Counter((bell.kind, bell.sigma[0] == bell.sigma[1]) for bell in bells)
    for key, probability in {
        ("gaussian", True): 0.45, ("gaussian", False): 0.25,
        ("generalised", True): 0.12, ("generalised", False): 0.03,
        ("plateau", True): 0.12, ("plateau", False): 0.03,
    }.items():  # fmt: skip
        assert found[key] / len(bells) == near(probability)
    widths = [sigma for bell in bells for sigma in bell.sigma]
    assert 0.2 <= min(widths) < 0.25
    assert widest - 0.05 < max(widths) <= widest
    angles = [bell.rotation for bell in bells if bell.sigma[0] != bell.sigma[1]]
    assert min(angles) < -3
    assert max(angles) > 3
    for kind, low, high in (("generalised", 0.5, 4), ("plateau", 1, 2), ("gaussian", 1, 1)):
        betas = [bell.beta for bell in bells if bell.kind == kind]
        assert low <= min(betas) <= max(betas) <= high
        if high > 1:
            assert share(beta > 1 for beta in betas) == pytest.approx(0.5, abs=0.1)


def test_cutoffs(passes):
    for part in passes[:2]:
        for size, lowest in ((range(7, 12, 2), math.pi / 3), (range(13, 23, 2), math.pi / 5)):
            cutoffs = [k.cutoff for k in blurs(part) if isinstance(k, Sinc) and k.size in size]
            assert lowest <= min(cutoffs) < lowest + 0.3
    cutoffs = [kernel.cutoff for kernel in blurs(passes[2])]
    assert math.pi / 3 < min(cutoffs) < math.pi / 3 + 0.05
    assert math.pi - 0.05 < max(cutoffs) <= math.pi


@pytest.mark.parametrize(
    ("number", "start", "odds", "least", "most"),
    [(0, SCALE, (0.2, 0.7, 0.1), 0.15, 1.5), (1, 1, (0.3, 0.4, 0.3), 0.3, 1.2)],
)
def test_resizings(passes, number, start, odds, least, most):
    resizings = [s for steps in passes[number] for s in steps if s.kind == "resize"]
    factors = [step.ratio / start for step in resizings]
    assert share(factor > 1 for factor in factors) == near(odds[0])
    assert share(factor < 1 for factor in factors) == near(odds[1])
    assert share(factor == 1 for factor in factors) == near(odds[2])
    assert least <= min(factors) < least + 0.02
    assert most - 0.02 < max(factors) <= most
    for method in ("area", "bilinear", "bicubic"):
        assert share(step.method == method for step in resizings) == near(1 / 3)


@pytest.mark.parametrize(("number", "sigma", "scale"), [(0, 30, 3), (1, 25, 2.5)])
def test_noise(passes, number, sigma, scale):
    noise = [s for steps in passes[number] for s in steps if "noise" in s.kind]
    normal = [step.sigma for step in noise if step.kind == "gaussian_noise"]
    counted = [step.scale for step in noise if step.kind == "poisson_noise"]
    assert len(normal) / len(noise) == near(0.5)
    assert share(step.gray for step in noise) == near(0.4)
    assert 1 <= min(normal) < 1.5
    assert sigma - 0.5 < max(normal) <= sigma
    assert 0.05 <= min(counted) < 0.1
    assert scale - 0.1 < max(counted) <= scale


def test_qualities(chains):
    files = [step for steps in chains for step in steps if step.kind == "compression"]
    assert len(files) == 2 * DRAWS
    assert {step.quality for step in files} == set(range(30, 96))
    assert {step.codec for step in files} == {"jpeg"}


def test_webp_on_demand():
    generator = torch.Generator().manual_seed(0)
    drawn = [RealESRGAN(webp=1.0).draw(generator, 4).steps for _ in range(20)]
    assert {s.codec for steps in drawn for s in steps if s.kind == "compression"} == {"webp"}


@pytest.mark.parametrize("scale", [1, 1.3, 2.5, 3.999, 8])
def test_other_scales(scale):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, 50, 41)
    for _ in range(10):
        low = RealESRGAN().draw(generator, scale).degrade(image, scale)
        assert low.shape == (3, int(50 / scale), int(41 / scale))
