"""Tiles of every family come close to the whole picture, and exactly so where they run together.

Trained weights where they are shipped; else small networks with seeded ones whose contexts matter:
tiles on their own are far off. What trained and larger ones give for whole benchmark pictures is
measured by `benchmarks/tiling.py`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from seeded import Photographic, seeded
from torch import Tensor, nn

import bigpicture as bp
from bigpicture.image import read
from bigpicture.infer import Tiling, render
from bigpicture.infer.sharing import has_context
from bigpicture.models.catalog import SIZES, family

MOST, MEAN, EXACT = 2 / 255, 0.05 / 255, 1e-4
"""Differences that are allowed."""

SMALL = {
    "cran-light": ({}, {}),
    "uhdn": None,  # as it is shipped
    "srgrn-light": ({"blocks": 3, "depth": 3}, {}),
    "ciaosr-light": ({"channels": 32, "blocks": 4}, {"hidden": 48, "depth": 3}),
    "rgt-light": ({"depths": (4, 4), "heads": 4}, {}),
    "edsr-baseline": ({"channels": 32, "blocks": 6}, {}),
    "rcan": ({"channels": 32, "groups": 3, "blocks": 3}, {}),
    "rdn-light": ({"blocks": 3, "depth": 3}, {}),
    "swinir-light": ({"depths": (2, 2), "heads": (6, 6)}, {}),
    "liif-light": ({"channels": 32, "blocks": 4}, {"hidden": 48, "depth": 3}),
}
"""Size of each family → what of its backbone and its head is smaller here."""


def network_of(name: str) -> nn.Module:
    smaller = SMALL[name]
    if smaller is None:
        return bp.load(f"{name}-x2").network
    settings = SIZES[name](2)
    backbone, head = (
        replace(part, **changes)
        for part, changes in zip((settings.backbone, settings.head), smaller, strict=True)
    )
    return seeded(replace(settings, backbone=backbone, head=head))


def test_all_families_are_here():
    assert {family(SIZES[name](2)) for name in SMALL} == {family(s(2)) for s in SIZES.values()}


@dataclass
class Family:
    """A network, a picture, and what the network makes of the whole."""

    network: nn.Module
    low: Tensor
    whole: Tensor

    @property
    def seeded(self) -> bool:
        return isinstance(self.network, Photographic)

    def tiled(self, **tiling) -> Tensor:
        return render(self.network, self.network.limits, self.low, Tiling(64, **tiling))

    def error(self, **tiling) -> Tensor:
        return (self.tiled(**tiling) - self.whole).abs()


@pytest.fixture(scope="module", params=SMALL)
def network(request) -> nn.Module:
    return network_of(request.param)


@pytest.fixture(scope="module")
def photograph(network) -> Family:
    """A piece of a photograph whose four tiles are unlike each other."""
    sample = Path(__file__).parents[2] / "samples/astronaut.png"
    low = read(sample).colour_tensor()[None, :, 20:116, 72:180]
    with torch.no_grad():
        return Family(network, low, network(low))


def test_exact(photograph):
    halo = photograph.network.limits.reach
    assert photograph.error(halo=halo, context="exact").max() < EXACT


def test_shared(photograph):
    """Two sweeps come close, of contexts that tiles on their own are far from."""
    error, apart = photograph.error(), photograph.error(context="tile")
    assert error.max() < MOST
    assert error.mean() < MEAN
    if not has_context(photograph.network):
        assert apart.max() < EXACT
    else:
        assert apart.max() > 10 * error.max()
        assert apart.max() > MOST or not photograph.seeded
