"""Tiles of every family come close to the whole picture, and exactly so where they run together.

Light networks with random weights that are not small, whose contexts all do something.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bigpicture.image import read
from bigpicture.infer import Tiling, render
from bigpicture.models.catalog import SIZES
from bigpicture.models.network import Network

# differences that are allowed, in levels of 255
MOST, MEAN = 2.0, 0.05

SWEEPS = {"cran-light": 4}
"""Where two leave more than that: with random weights, each context depends on all before it."""

NAMES = ["cran-light", "uhdn", "srgrn-light", "rgt-light", "ciaosr-light", "rcan", "swinir-light"]


def network_of(name: str) -> Network:
    torch.manual_seed(1)
    settings = SIZES[name](2)
    if name == "rcan":  # lighter
        settings = replace(settings, backbone=replace(settings.backbone, groups=3, blocks=4))
    network = Network(settings).eval()
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            if parameter.numel() == 1 or key.endswith("gamma"):  # those that begin at 0
                parameter.fill_(0.5)
    return network


@pytest.fixture(scope="module")
def low() -> torch.Tensor:
    """A piece of a photograph whose parts are unlike each other."""
    sample = Path(__file__).parents[2] / "samples/astronaut.png"
    return read(sample).colour_tensor()[None, :, 20:116, 60:196]


@pytest.fixture(scope="module", params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def family(name, low):
    network = network_of(name)
    with torch.no_grad():
        return network, network(low)


def difference(family, low, **tiling) -> torch.Tensor:
    network, whole = family
    drawn = render(network, network.limits, low, Tiling(64, **tiling))
    # random weights make pictures of any contrast
    return (drawn - whole).abs() * 255 / (whole.amax() - whole.amin())


def test_exact(family, low):
    halo = min(family[0].limits.reach, 64)
    assert difference(family, low, halo=halo, context="exact").max() / 255 < 1e-4


def test_shared(name, family, low):
    error = difference(family, low, halo=32, sweeps=SWEEPS.get(name, 2))
    assert error.max() < MOST
    assert error.mean() < MEAN
