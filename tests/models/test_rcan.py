import re
from dataclasses import replace

import pytest
import torch

from bigpicture.analysis.cost import cost
from bigpicture.layers.blocks import modulation_by_place
from bigpicture.layers.modulation import CRACSettings, Modulation
from bigpicture.models.backbones.rcan import RCANSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.models.rcan import rcan
from bigpicture.weights.public import rcan as authors
from bigpicture.weights.public import rcan_basicsr
from bigpicture.weights.rules import edsr as edsr_rule
from bigpicture.weights.rules import rcan as rule
from support.networks import weightless

TINY = RCANSettings(channels=8, groups=2, blocks=2, modulation=Modulation("channel"))


def test_parameters_and_multiply_adds_are_the_published():
    found = cost(weightless(rcan(2)), (160, 160))
    assert found.parameters == 15_444_643  # 15.44 M
    assert found.multiply_adds / 1e9 == pytest.approx(391.86, abs=0.01)  # RCAN's in Table 7


@pytest.fixture
def published(golden):
    """Tensors of the published network, and pairs of its inputs and outputs."""
    found = golden("rcan_tiny_x2")
    assert found.config["rgb_range"] == 255
    assert len(found.pairs) == 2
    return found.public, found.pairs


def error(network, pairs) -> float:
    """Return the greatest deviation, in standard deviations of the output."""
    with torch.no_grad():
        return max(((network(low) - high).abs().max() / high.std()).item() for low, high in pairs)


def test_the_authors_weights_give_the_authors_pictures(published, from_release):
    tensors, pairs = published
    network = from_release(authors.RELEASE, rule, tensors)
    expected = RCANSettings(
        channels=16, groups=2, blocks=2, modulation=Modulation("channel", reduction=4)
    )
    assert network.settings.backbone == expected
    assert network.settings.mean == (0.4488, 0.4371, 0.4040)
    assert network.settings.std == (1 / 255,) * 3
    assert error(network, pairs) < 1e-4


def test_basicsr_s_weights_give_the_same(published, from_release):
    tensors, pairs = published
    block = r"body\.(\d+)\.body\.(\d+)\.body\."
    theirs = r"body.\1.residual_group.\2.rcab."
    rules = {
        r"head\.0\.(.+)": r"conv_first.\1",
        block + r"([02])\.(.+)": theirs + r"\3.\4",
        block + r"3\.conv_du\.0\.(.+)": theirs + r"3.attention.1.\3",
        block + r"3\.conv_du\.2\.(.+)": theirs + r"3.attention.3.\3",
        r"body\.(\d+)\.body\.2\.(.+)": r"body.\1.conv.\2",
        r"body\.2\.(.+)": r"conv_after_body.\1",
        r"tail\.0\.(.+)": r"upsample.\1",
        r"tail\.1\.(.+)": r"conv_last.\1",
    }
    renamed = {}
    for key, value in tensors.items():
        for old, new in rules.items():
            if re.fullmatch(old, key):
                renamed[re.sub(old, new, key)] = value
                break
    assert len(renamed) == len(tensors) - 4  # the means
    assert not authors.RELEASE.matches(renamed)
    assert error(from_release(rcan_basicsr.RELEASE, rule, renamed), pairs) < 1e-4


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"modulation": Modulation("none")},
        {"modulation": Modulation("channel", reduction=8)},
        {"modulation": Modulation("spatial", kernel=5)},
        {"modulation": Modulation("ikm", threshold=0.25), "places": (1,)},
        {"modulation": Modulation("crac", crac=CRACSettings(groups=4)), "places": (2,)},
        {"modulation": Modulation("crac", crac=CRACSettings(8, 3, ("cdrr", "f_a2")))},
        {"modulation": Modulation("crac", crac=CRACSettings(without=("f_a1",)))},
        {"modulation": Modulation("crac", crac=CRACSettings(without=("channel-interaction",)))},
    ],
    ids=str,
)
def test_settings_are_read_from_keys_and_shapes(change):
    settings = replace(TINY, **change)
    tensors = settings.build(3).state_dict()
    assert rule.MARK in tensors
    assert edsr_rule.MARK not in tensors
    assert _shapes(rule.settings(tensors)) == _shapes(settings)
    assert replace(rule.settings(tensors), modulation=settings.modulation) == settings


def _shapes(settings):
    return {key: value.shape for key, value in settings.build(3).state_dict().items()}


def test_blocks_steered_in_two_ways_are_no_setting():
    tensors = TINY.build(3).state_dict()
    tensors["blocks.0.body.0.body.0.threshold"] = torch.zeros(1)
    with pytest.raises(ValueError, match="more than one way"):
        rule.settings(tensors)


def test_the_skips_are_the_paper_s():
    backbone = TINY.build(3)
    x = torch.randn(1, 3, 6, 5)
    features = backbone.first(x)
    y = features
    for group in backbone.blocks:
        z = y
        for block in group.body[:-1]:
            z = z + block.body(z)
        y = y + group.body[-1](z)
    torch.testing.assert_close(backbone(x), backbone.last(y) + features)


@pytest.mark.parametrize("attention", ["none", "channel", "spatial", "ikm", "crac"])
def test_nothing_is_seen_beyond_the_reach(attention):
    settings = replace(TINY, groups=1, modulation=Modulation(attention, kernel=3))
    backbone = settings.build(1).double()
    x = torch.randn(1, 1, 3, 2 * backbone.reach + 3, dtype=torch.float64, requires_grad=True)
    contexts = [m for m in backbone.modules() if hasattr(m, "gather")]
    for operator in contexts:
        operator.gather = lambda x, own=operator.gather: own(x.detach())
    backbone(x)[..., backbone.reach + 1].sum().backward()
    seen = x.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    assert (seen.min(), seen.max()) == (1, 2 * backbone.reach + 1)


def test_gray_pictures_and_other_scales_go():
    network = Network(NetworkSettings(TINY, SubPixelSettings(scale=6), colours=1, std=(1 / 255,)))
    assert network(torch.rand(2, 1, 5, 4)).shape == (2, 1, 30, 24)


def test_places_that_are_not_there_are_named():
    with pytest.raises(ValueError, match="places must lie in 1…2 .* not .0, 3"):
        modulation_by_place(Modulation("crac"), (0, 1, 3), 2)
