"""Starting from the weights of another network: what is taken, and what is said of the rest."""

from dataclasses import replace

import pytest
import torch

from bigpicture.layers.modulation import Modulation
from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.backbones.rdn import RDNSettings
from bigpicture.models.backbones.rgt import RGTSettings
from bigpicture.models.heads.graph import GraphSettings
from bigpicture.models.heads.liif import LIIFSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.weights.errors import WeightsError
from bigpicture.weights.file import save_network
from bigpicture.weights.start import load_fitting
from support.networks import TINY_UHDN as TINY
from support.networks import shaken, with_backbone, with_head

RDN = NetworkSettings(
    RDNSettings(channels=8, growth=4, blocks=1, depth=2), SubPixelSettings(scale=4)
)


@pytest.fixture
def fitted(tmp_path):
    """What a network takes of the file of another."""

    def take(network: Network, other: Network):
        save_network(other, tmp_path / "other.safetensors", {})
        return load_fitting(network, tmp_path / "other.safetensors")

    return take


def test_other_scales_start_from_what_fits(fitted):
    twice, thrice = Network(TINY), Network(with_head(TINY, scale=3))
    found = fitted(thrice, twice)
    assert found.missing == ["head.up.0.weight"]
    assert found.changed == ["head.scale 2 → 3"]
    assert torch.equal(thrice.backbone.first.weight, twice.backbone.first.weight)


def test_the_same_network_takes_all(fitted):
    network, other = Network(TINY), shaken(TINY)
    assert fitted(network, other) == ([], [])
    low = torch.rand(1, 3, 6, 5)
    assert torch.equal(network.eval()(low), other(low))


def test_a_file_of_another_network_is_refused(fitted):
    with pytest.raises(WeightsError, match="none of its tensors fit this network"):
        fitted(Network(TINY), Network(replace(RDN, head=LIIFSettings(hidden=3, depth=2))))


@pytest.mark.parametrize("grum", [True, False])
@pytest.mark.parametrize("scale", [1, 2, 6])
def test_an_srgrn_starts_as_the_rdn_that_it_starts_from(grum, scale, fitted):
    rdn = shaken(with_head(RDN, scale=scale))
    srgrn = Network(replace(RDN, head=GraphSettings(scale=scale, nodes=3, grum=grum)))
    found = fitted(srgrn, rdn)
    assert all(".graph." in key or "gamma" in key or ".conv." in key for key in found.missing)
    assert found.changed == ["head.kind 'subpixel' → 'graph'"]
    low = torch.rand(2, 3, 7, 6)
    torch.testing.assert_close(srgrn.eval()(low), rdn(low), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("theirs", "own", "changed"),
    [
        (
            replace(RDN, mean=(0.0,) * 3, std=(1 / 255,) * 3),
            RDN,
            [
                "mean (0.0, 0.0, 0.0) → (0.4488, 0.4371, 0.404)",
                "std (0.00392156862745098, 0.00392156862745098, 0.00392156862745098) → "
                "(1.0, 1.0, 1.0)",
            ],
        ),
        (
            NetworkSettings(RGTSettings(channels=96, depths=(1,), heads=2), SubPixelSettings()),
            NetworkSettings(
                RGTSettings(channels=96, depths=(1,), heads=2, window=(8, 16)), SubPixelSettings()
            ),
            ["backbone.window (8, 32) → (8, 16)"],
        ),
        (
            with_backbone(TINY, modulation=Modulation(form="scaled", reduction=2)),
            TINY,
            ["backbone.modulation.form 'scaled' → 'residual'"],
        ),
        (
            NetworkSettings(EDSRSettings(channels=4, blocks=1), SubPixelSettings()),
            NetworkSettings(
                EDSRSettings(channels=4, blocks=1, modulation=Modulation("ikm")),
                SubPixelSettings(),
            ),
            ["backbone.modulation.attention 'none' → 'ikm'"],
        ),
    ],
    ids=["mean and std", "windows", "form", "attention"],
)
def test_settings_that_differ_are_named_if_they_do_something(theirs, own, changed, fitted):
    assert fitted(Network(own), Network(theirs)).changed == changed


def test_a_backbone_alone_is_taken_though_its_settings_are_not_known(tmp_path):
    tensors = Network(TINY).state_dict()
    backbone = {key: value for key, value in tensors.items() if key.startswith("backbone.")}
    torch.save(backbone, tmp_path / "backbone.pth")
    missing, changed = load_fitting(Network(TINY), tmp_path / "backbone.pth")
    assert missing == ["head.up.0.weight", "head.last.weight", "head.last.bias"]
    assert changed is None
