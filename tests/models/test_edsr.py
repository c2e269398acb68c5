from dataclasses import replace

import pytest
import torch
from torch import nn

from bigpicture.analysis.cost import parameters
from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.layers.modulation import CRACSettings, Modulation
from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.catalog import build
from bigpicture.models.cran import block_types
from bigpicture.models.edsr import edsr, edsr_baseline
from bigpicture.models.network import Network
from bigpicture.models.rcan import rcan
from bigpicture.weights.public import edsr as authors
from bigpicture.weights.public import edsr_basicsr
from bigpicture.weights.public import rcan as rcan_authors
from bigpicture.weights.rules import edsr as rule
from bigpicture.weights.rules import rcan as rcan_rule
from support.networks import weightless, with_backbone

TINY = EDSRSettings(channels=8, blocks=3)


@pytest.mark.parametrize(
    ("size", "scale", "count"),
    [
        (edsr_baseline, 2, 1_369_859),  # 1.37 M
        (edsr_baseline, 3, 1_554_499),
        (edsr_baseline, 4, 1_517_571),  # 1.52 M
        (edsr, 2, 40_729_603),  # 40.73 M
        (edsr, 3, 43_680_003),
        (edsr, 4, 43_089_923),  # 43.1 M
    ],
)
def test_parameters_are_the_published(size, scale, count):
    assert parameters(weightless(size(scale))) == count


class Residual(nn.Module):
    def __init__(self, c, scale):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c, c, 3, padding=1), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1)
        )
        self.scale = scale

    def forward(self, x):
        return self.body(x) * self.scale + x


class Published(nn.Module):
    """EDSR under its authors' keys: pictures in 0…255, the mean in convolutions."""

    def __init__(self, c, blocks, steps, scale=1.0, std=(1.0, 1.0, 1.0)):
        super().__init__()
        self.sub_mean, self.add_mean = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        mean, std = 255 * torch.tensor([0.4488, 0.4371, 0.4040]), torch.tensor(std)
        for conv, slope, shift in [
            (self.sub_mean, 1 / std, -mean / std),
            (self.add_mean, std, mean),
        ]:
            conv.weight.data = torch.diag(slope)[..., None, None]
            conv.bias.data = shift
        self.head = nn.Sequential(nn.Conv2d(3, c, 3, padding=1))
        body = [Residual(c, scale) for _ in range(blocks)]
        self.body = nn.Sequential(*body, nn.Conv2d(c, c, 3, padding=1))
        up = []
        for step in steps:
            up += [nn.Conv2d(c, c * step**2, 3, padding=1), nn.PixelShuffle(step)]
        self.tail = nn.Sequential(nn.Sequential(*up), nn.Conv2d(c, 3, 3, padding=1))

    def forward(self, low):
        x = self.head(self.sub_mean(255 * low))
        return self.add_mean(self.tail(self.body(x) + x)) / 255


@pytest.mark.parametrize("steps", [(2,), (3,), (2, 2)])
@pytest.mark.parametrize("std", [(1.0, 1.0, 1.0), (0.5, 1.0, 2.0)])
@torch.no_grad()
def test_the_authors_weights_give_the_authors_pictures(steps, std, from_release):
    published = Published(8, 3, steps, std=std)
    network = from_release(authors.RELEASE, rule, published.state_dict())
    assert network.settings.backbone == TINY
    assert network.settings.mean == (0.4488, 0.4371, 0.4040)
    low = torch.rand(2, 3, 9, 7)
    torch.testing.assert_close(network(low), published(low), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_wide_ones_are_scaled_as_published(from_release):
    published = Published(256, 1, (2,), scale=0.1)
    network = from_release(authors.RELEASE, rule, published.state_dict())
    assert network.settings.backbone.residual_scale == 0.1
    low = torch.rand(1, 3, 5, 4)
    torch.testing.assert_close(network(low), published(low), atol=1e-5, rtol=1e-4)


def test_the_mean_of_pictures_in_0_to_1_and_no_mean_at_all():
    tensors = Published(8, 3, (2,)).state_dict()
    in_one = tensors | {"sub_mean.bias": tensors["sub_mean.bias"] / 255}
    converted = authors.RELEASE.convert(in_one)
    assert (converted.mean, converted.std) == ((0.4488, 0.4371, 0.4040), (1.0, 1.0, 1.0))
    bare = {key: value for key, value in tensors.items() if "mean" not in key}
    converted = authors.RELEASE.convert(bare)
    assert (converted.mean, converted.std) == ((0.4488, 0.4371, 0.4040), (1 / 255,) * 3)


@torch.no_grad()
def test_basicsr_s_weights_give_the_same(from_release):
    published = Published(8, 2, (2, 2))
    names = {"head.0.": "conv_first.", "body.2.": "conv_after_body."}
    names |= {"tail.0.": "upsample.", "tail.1.": "conv_last."}
    names |= {f"body.{n}.body.0.": f"body.{n}.conv1." for n in range(2)}
    names |= {f"body.{n}.body.2.": f"body.{n}.conv2." for n in range(2)}
    tensors = {
        new + key.removeprefix(old): value
        for key, value in published.state_dict().items()
        for old, new in names.items()
        if key.startswith(old)
    }
    assert not authors.RELEASE.matches(tensors)
    network = from_release(edsr_basicsr.RELEASE, rule, tensors)
    low = torch.rand(1, 3, 8, 5)
    torch.testing.assert_close(network(low), published(low), atol=1e-5, rtol=1e-4)


def test_other_releases_are_not_taken_for_it():
    own = Published(8, 2, (2,)).state_dict()
    assert not rcan_authors.RELEASE.matches(own)
    assert not edsr_basicsr.RELEASE.matches(own)
    # SRResNet's blocks are named alike
    keys = ["conv_first.weight", "body.0.conv1.weight", "upconv1.weight"]
    other = {key: torch.zeros(1) for key in keys}
    assert not edsr_basicsr.RELEASE.matches(other)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"modulation": Modulation("channel", reduction=2)},
        {"modulation": Modulation("crac", crac=CRACSettings(groups=8)), "places": (1, 3)},
        {"modulation": Modulation("crac", kernel=5, crac=CRACSettings(groups=8, latent=7))},
        {"modulation": Modulation("ikm"), "places": (2,)},
        {"channels": 256, "blocks": 1, "residual_scale": 0.1},
    ],
    ids=str,
)
def test_settings_are_read_from_keys_and_shapes(change):
    settings = replace(TINY, **change)
    tensors = settings.build(3).state_dict()
    assert rule.MARK in tensors
    assert rcan_rule.MARK not in tensors
    assert rule.settings(tensors) == settings


def test_its_channel_attention_is_rcan_s():
    built = build("edsr-baseline", 2, "channel")
    assert built.settings == block_types()["RCAB"]
    assert block_types()["RB"] == edsr_baseline(2)
    (first, *_), (second, *_) = (
        [m for m in network.modules() if isinstance(m, ChannelAttention)]
        for network in (built, Network(with_backbone(rcan(2), groups=1, blocks=1)))
    )
    assert first.excite[0].weight.shape == second.excite[0].weight.shape


def test_a_missing_tensor_is_named():
    tensors = TINY.build(3).state_dict()
    del tensors["blocks.1.body.0.weight"]
    with pytest.raises(KeyError, match="blocks.1.body.0.weight"):
        rule.settings(tensors)
