import pytest
import torch
from torch.nn import functional as F

from bigpicture.models.heads.direct import DirectSettings
from bigpicture.models.heads.graph import GraphSettings
from bigpicture.models.heads.nearest import NearestSettings
from bigpicture.models.heads.subpixel import SubPixelSettings, prime_steps
from bigpicture.weights.rules import direct, nearest, subpixel

HEADS = {
    **{f"direct ×{r}": DirectSettings(scale=r) for r in (1, 2, 3, 4, 6)},
    **{f"nearest ×{r}": NearestSettings(scale=r, width=5) for r in (1, 2, 4, 8)},
    **{f"subpixel ×{r}": SubPixelSettings(scale=r, width=5) for r in (2, 3, 4, 6, 8)},
    "subpixel without a width": SubPixelSettings(scale=4),
    "grouped": SubPixelSettings(scale=2, expansion="grouped", width=16),
    "depthwise": SubPixelSettings(scale=4, expansion="depthwise"),
}
RULES = {"direct": direct, "nearest": nearest, "subpixel": subpixel}


def test_direct_is_a_convolution_and_a_shuffle():
    head = DirectSettings(scale=3).build(4, 3)
    features = torch.randn(2, 4, 5, 6)
    y = head(features, features[:, :3])
    weight, bias = head.expand.weight, head.expand.bias
    wide = F.conv2d(F.pad(features, (1, 1, 1, 1)), weight, bias)
    for colour, i, j in [(0, 0, 0), (1, 2, 1), (2, 1, 2)]:
        torch.testing.assert_close(y[:, colour, i::3, j::3], wide[:, 9 * colour + 3 * i + j])


def test_nearest_is_the_public_one_step_by_step():
    head = NearestSettings(scale=4, width=5).build(4, 3)
    features = torch.randn(2, 4, 5, 6)
    y = F.leaky_relu(head.before[0](features), 0.01)
    for convolution in (head.up[0], head.up[1]):
        y = y.repeat_interleave(2, 2).repeat_interleave(2, 3)
        y = F.leaky_relu(convolution(y), 0.2)
    y = head.last(F.leaky_relu(head.hr(y), 0.2))
    torch.testing.assert_close(head(features, features[:, :3]), y)


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("name", HEADS)
def test_heads_enlarge_learn_and_are_told_by_their_keys(name, colours):
    settings = HEADS[name]
    channels = 16 if name == "grouped" else 8
    head = settings.build(channels, colours)
    features = torch.randn(2, channels, 3, 4)
    y = head(features, torch.rand(2, colours, 3, 4))
    assert y.shape == (2, colours, 3 * settings.scale, 4 * settings.scale)
    y.square().mean().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in head.parameters())
    rule = RULES[settings.kind]
    assert rule.MARK in head.state_dict()
    assert rule.settings(head.state_dict()) == settings


@pytest.mark.parametrize("name", [name for name in HEADS if name != "grouped"])
def test_what_lies_beyond_the_reach_is_not_seen(name):
    settings = HEADS[name]
    head = settings.build(4, 1).double()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    features = torch.randn(1, 4, 1, 25, dtype=torch.float64, requires_grad=True)
    high = head(features, features[:, :1].detach())
    farthest = 0
    for pixel in range(12 * settings.scale, 13 * settings.scale):
        (grad,) = torch.autograd.grad(high[..., pixel].sum(), features, retain_graph=True)
        seen = grad.abs().sum((0, 1, 2)).nonzero()
        farthest = max(farthest, (seen - 12).abs().max().item())
    assert farthest == head.reach


def test_steps_are_the_prime_factors():
    assert [prime_steps(scale) for scale in (7, 12, 9973)] == [(7,), (2, 2, 3), (9973,)]


def test_wrong_scales_are_named():
    with pytest.raises(ValueError, match="scale must be a power of 2, which doubling gives, not 3"):
        NearestSettings(scale=3).build(4, 3)
    for settings in (DirectSettings, GraphSettings, NearestSettings, SubPixelSettings):
        with pytest.raises(ValueError, match="scale must be a whole number of at least 1, not 0"):
            settings(scale=0).build(4, 3)
