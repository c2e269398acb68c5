"""RDN against a transcription that concatenates, under the names of both public releases."""

import re
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from bigpicture.analysis.cost import parameters
from bigpicture.layers.modulation import CRACSettings, Modulation
from bigpicture.models.backbones.rdn import RDNSettings
from bigpicture.models.heads.graph import GraphSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.models.rdn import rdn, rdn_light
from bigpicture.weights.public import rdn as authors
from bigpicture.weights.public import rdn_basicsr
from bigpicture.weights.rules import rdn as rule
from support.networks import shaken, weightless, with_backbone

TINY = NetworkSettings(RDNSettings(channels=8, growth=4, blocks=3, depth=2), SubPixelSettings())


def published_tensors(scale=2, colours=3, channels=8, growth=4, blocks=3, depth=2):
    """Random tensors of the authors' shapes under the authors' names."""
    shapes = {"SFENet1": (channels, colours, 3), "SFENet2": (channels, channels, 3)}
    for b in range(blocks):
        for layer in range(depth):
            c_in = channels + growth * layer
            shapes[f"RDBs.{b}.convs.{layer}.conv.0"] = (growth, c_in, 3)
        shapes[f"RDBs.{b}.LFF"] = (channels, channels + growth * depth, 1)
    shapes |= {"GFF.0": (channels, blocks * channels, 1), "GFF.1": (channels, channels, 3)}
    steps = [2, 2] if scale == 4 else [scale]
    for i, step in enumerate(steps):
        shapes[f"UPNet.{2 * i}"] = (channels * step**2, channels, 3)
    shapes[f"UPNet.{2 * len(steps)}"] = (colours, channels, 3)
    tensors = {}
    for name, (c_out, c_in, k) in shapes.items():
        deviation = (c_in * k * k) ** -0.5
        tensors[f"{name}.weight"] = deviation * torch.randn(c_out, c_in, k, k)
        tensors[f"{name}.bias"] = 0.1 * torch.randn(c_out)
    return tensors


def published(tensors, x):
    """The network as the authors draw it."""

    def conv(name, y):
        weight = tensors[f"{name}.weight"].to(y.dtype)
        return F.conv2d(
            y, weight, tensors[f"{name}.bias"].to(y.dtype), padding=weight.shape[-1] // 2
        )

    def numbers(pattern):
        return sorted({int(m[1]) for key in tensors if (m := re.match(pattern, key))})

    first = conv("SFENet1", x)
    y, made = conv("SFENet2", first), []
    for b in numbers(r"RDBs\.(\d+)"):
        features = y
        for layer in numbers(rf"RDBs\.{b}\.convs\.(\d+)"):
            new = F.relu(conv(f"RDBs.{b}.convs.{layer}.conv.0", features))
            features = torch.cat([features, new], 1)
        y = conv(f"RDBs.{b}.LFF", features) + y
        made.append(y)
    y = conv("GFF.1", conv("GFF.0", torch.cat(made, 1))) + first
    *steps, last = numbers(r"UPNet\.(\d+)")
    for step in steps:
        y = conv(f"UPNet.{step}", y)
        y = F.pixel_shuffle(y, round((y.shape[1] / first.shape[1]) ** 0.5))
    return conv(f"UPNet.{last}", y)


def by_the_other_names(tensors):
    """The same tensors as MMEditing calls them."""
    last = max(int(m[1]) for key in tensors if (m := re.match(r"UPNet\.(\d+)", key)))
    renamed = {"step_counter": torch.zeros(1)}
    for key, value in tensors.items():
        new = key.replace("SFENet", "sfe").replace("GFF", "gff").replace("LFF", "lff")
        new = re.sub(r"RDBs\.(\d+)\.convs\.(\d+)\.conv\.0", r"rdbs.\1.layers.\2.conv", new)
        new = new.replace("RDBs", "rdbs").replace(f"UPNet.{last}", "output")
        renamed["generator." + new.replace("UPNet", "upscale")] = value
    return renamed


@pytest.mark.parametrize(("scale", "colours"), [(2, 3), (3, 3), (4, 3), (2, 1)])
def test_both_releases_load_and_compute_what_is_published(from_release, scale, colours):
    tensors, low = published_tensors(scale, colours), torch.rand(2, colours, 7, 9)
    network = from_release(authors.RELEASE, rule, tensors)
    # the authors' takes pictures in [0, 255]
    expected = published(tensors, 255 * low) / 255
    torch.testing.assert_close(network(low), expected, atol=1e-5, rtol=1e-5)
    others = by_the_other_names(tensors)
    network = from_release(rdn_basicsr.RELEASE, rule, others)
    torch.testing.assert_close(network(low), published(tensors, low), atol=1e-5, rtol=1e-5)
    assert not rdn_basicsr.RELEASE.matches(tensors) and not authors.RELEASE.matches(others)


def test_of_a_training_against_a_discriminator_the_average_loads(from_release):
    trained, average = published_tensors(2, 3), published_tensors(2, 3)
    stored = by_the_other_names(trained) | {
        key.replace("generator.", "generator_ema."): value
        for key, value in by_the_other_names(average).items()
    }
    stored |= {"discriminator.conv.weight": torch.rand(3), "perceptual_loss.mean": torch.rand(3)}
    network, low = from_release(rdn_basicsr.RELEASE, rule, stored), torch.rand(1, 3, 7, 9)
    torch.testing.assert_close(network(low), published(average, low), atol=1e-5, rtol=1e-5)


def test_an_encoder_alone_converts_too():
    tensors = by_the_other_names(published_tensors())
    encoder = {
        key.removeprefix("generator."): value
        for key, value in tensors.items()
        if not re.match(r"generator\.(upscale|output)|step", key)
    }
    ours = rdn_basicsr.our_keys(encoder | {"imnet.0.weight": torch.zeros(1)})
    assert set(ours) - {"imnet.0.weight"} == {
        f"backbone.{key}" for key in TINY.backbone.build(3).state_dict()
    }


def test_a_missing_layer_is_named():
    tensors = published_tensors()
    del tensors["RDBs.1.convs.0.conv.0.bias"]
    with pytest.raises(KeyError, match=r"RDBs\.1\.convs\.0\.conv\.0\.bias"):
        authors.RELEASE.convert(tensors)


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        (rdn(2), 22_123_395),  # 22.12 M
        (rdn(3), 22_308_035),  # 22.31 M
        (rdn(4), 22_271_107),  # 22.27 M
        (rdn_light(2), 930_883),
        (rdn_light(4), 967_875),
    ],
)
def test_parameters(settings, count):
    assert parameters(weightless(settings)) == count


STEERINGS = [
    Modulation("none"),
    Modulation("none", kernel=5),
    Modulation("ikm", threshold=0.25),
    Modulation("channel"),
    Modulation("spatial"),
    Modulation("crac", crac=CRACSettings(groups=2)),
]


@pytest.mark.parametrize("modulation", STEERINGS, ids=lambda m: f"{m.attention}{m.kernel}")
def test_settings_are_found_in_keys_and_shapes(modulation):
    settings = replace(
        TINY.backbone, channels=12, growth=4, blocks=2, depth=3, modulation=modulation
    )
    tensors = settings.build(3).state_dict()
    assert rule.MARK in tensors
    assert rule.settings(tensors) == settings


@pytest.mark.parametrize("modulation", STEERINGS, ids=lambda m: f"{m.attention}{m.kernel}")
def test_every_steering_runs_and_learns(modulation):
    network = Network(with_backbone(TINY, modulation=modulation))
    network(torch.rand(2, 3, 8, 9)).sub(0.5).abs().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        # of the one hidden unit of a channel attention this small, ReLU may leave nothing
        assert parameter.grad.abs().sum() > 0 or "excite" in name


@pytest.mark.parametrize(
    "modulation", [Modulation("none"), Modulation("spatial"), Modulation("none", 3, 2)], ids=str
)
def test_a_pixel_is_seen_as_far_as_the_reach_says(modulation):
    settings = replace(TINY.backbone, modulation=modulation, blocks=2)
    backbone = settings.build(3).eval().double()
    side = 2 * backbone.reach + 3
    x = torch.randn(1, 3, side, side, dtype=torch.float64)
    centre = side // 2
    before = backbone(x)[..., centre, centre]
    for distance, moved in [(backbone.reach + 1, False), (backbone.reach, True)]:
        changed = x.clone()
        changed[..., centre + distance] += 100
        assert torch.equal(before, backbone(changed)[..., centre, centre]) != moved


def test_exports_with_sizes_it_was_not_exported_at_and_compiles_into_one_graph(assert_traces):
    network = shaken(replace(TINY, head=GraphSettings(scale=4, nodes=3)))
    low, batch = torch.rand(1, 3, 12, 14), torch.rand(2, 3, 9, 11)
    assert_traces(network, low, [(21, 17)], batch, autocast=True)
