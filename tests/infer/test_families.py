"""Tiles of every family come close to the whole picture, and exactly so where they run together.

U-HDN as it is shipped, and of every other family a small network with seeded weights, whose
contexts matter: tiles on their own are far off. Trained ones of all five systems are held to the
same in `test_shipped.py`; what they give for whole benchmark pictures, `benchmarks/tiling.py` says.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pytest
import torch
from patterns import PATTERNS
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
    "rgt-light": ({"depths": (2, 2), "heads": 4}, {}),
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

    @cached_property
    def shared(self) -> Tensor:
        return self.tiled()

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
    low = read(sample).colour_tensor()[None, :, 60:132, 30:118]
    with torch.no_grad():
        return Family(network, low, network(low))


def test_exact(photograph):
    halo = photograph.network.limits.reach
    assert photograph.error(halo=halo, context="exact").max() < EXACT


def test_shared(photograph):
    """Two sweeps come close, of contexts that tiles on their own are far from."""
    error = (photograph.shared - photograph.whole).abs()
    apart = photograph.error(context="tile")
    assert error.max() < MOST
    assert error.mean() < MEAN
    if not has_context(photograph.network):
        assert apart.max() < EXACT
    else:
        assert apart.max() > 10 * error.max()
        assert apart.max() > 1 / 255 or not photograph.seeded


@pytest.fixture(scope="module")
def patterns(network) -> Family:
    """Flat gray, film grain, and lines at 45°, in three tiles each."""
    low = torch.stack([pattern(16, 130) for pattern in PATTERNS.values()])
    with torch.no_grad():
        return Family(network, low, network(low))


def steps(high: Tensor, edges: list[int]) -> Tensor:
    """Return, of each picture, the greatest step from one tile to the next."""
    return (high[..., edges] - high[..., [edge - 1 for edge in edges]]).abs().amax((1, 2, 3))


def test_no_seam_on_flat_gray_grain_and_lines(patterns):
    limits, whole, tiled = patterns.network.limits, patterns.whole, patterns.shared
    tiles = Tiling(64).cut(*patterns.low.shape[-2:], limits)
    edges = [2 * tile.own()[1].start for tile in tiles][1:]
    assert len(edges) == 2
    added = steps(tiled - whole, edges)
    assert (added < 0.25 / 255).all()
    assert (steps(tiled, edges) < steps(whole, edges) + 0.25 / 255).all()
    if not limits.any_scale:  # those cannot do without halos, which such seams come from
        seamed = patterns.tiled(halo=0, context="tile")
        assert (steps(seamed - whole, edges) > 0.5 / 255).all()


def test_what_differs_is_no_nearer_to_the_edges_of_tiles(patterns):
    """Else edges would be drawn, faintly."""
    tiles = Tiling(64).cut(*patterns.low.shape[-2:], patterns.network.limits)
    edges = torch.tensor([2 * tile.own()[1].start for tile in tiles[1:]])
    columns = torch.arange(patterns.whole.shape[-1])
    near = ((columns - edges[:, None]).abs() < 8).any(0)
    error = (patterns.shared - patterns.whole).abs().mean((1, 2))
    assert (error[:, near].mean(1) < 2 * error[:, ~near].mean(1) + 0.01 / 255).all()
