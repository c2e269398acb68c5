import pytest
import torch
from torch import nn

from bigpicture.analysis.blocks import blocks_of, watch_blocks
from bigpicture.layers.modulation import Modulation
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.models.variant import BACKBONES

SMALL = {
    "edsr": ({"channels": 8, "blocks": 3}, 3, "backbone.blocks.{}"),
    "hourglass": (
        {"channels": 16, "growth": 4, "blocks": 1, "depths": (2, 1, 1, 2)},
        4,
        "backbone.blocks.0.units.{}",
    ),
    "rcan": ({"channels": 8, "groups": 2, "blocks": 2}, 4, None),
    # as in the published size, a layer has as many channels as the features
    "rdn": ({"channels": 8, "growth": 8, "blocks": 2, "depth": 2}, 2, "backbone.blocks.{}"),
    "rgt": ({"channels": 96, "depths": (2, 1), "heads": 2, "window": (2, 4)}, 3, None),
    "swinir": ({"channels": 8, "depths": (2, 1), "heads": (2, 2), "window": 4}, 3, None),
}
STEERED = [
    (kind, attention)
    for kind, settings in BACKBONES.items()
    for attention in (
        ("none", "channel", "spatial", "ikm", "crac")
        if "modulation" in settings.__dataclass_fields__
        else (None,)
    )
]


def network(kind, attention=None):
    own = dict(SMALL[kind][0])
    if attention is not None:
        own["modulation"] = Modulation(attention, reduction=2)
    return Network(NetworkSettings(BACKBONES[kind](**own), SubPixelSettings())).eval()


@pytest.mark.parametrize(("kind", "attention"), STEERED)
def test_the_blocks_of_every_backbone_are_found_whatever_steers_them(kind, attention):
    _, count, names = SMALL[kind]
    found = blocks_of(network(kind, attention), torch.rand(1, 3, 9, 10))
    assert len(found) == count
    if names is not None:
        assert found == [names.format(i) for i in range(count)]


@pytest.mark.parametrize("block", ["dense", "residual-dense", "residual"])
def test_other_blocks_of_an_hourglass_are_found(block):
    settings = BACKBONES["hourglass"](**SMALL["hourglass"][0], block=block)
    built = Network(NetworkSettings(settings, SubPixelSettings())).eval()
    assert len(blocks_of(built, torch.rand(1, 3, 9, 10))) == 4


def test_a_block_s_features_are_shown_and_the_network_is_left_as_it_was():
    built, low, made = network("edsr"), torch.rand(2, 3, 7, 6), {}
    features = watch_blocks(built, low, ["backbone.blocks.0"], made.__setitem__)
    with torch.inference_mode():
        first = built.backbone.first(built.normalise(low))
        torch.testing.assert_close(made["backbone.blocks.0"], built.backbone.blocks[0](first))
        torch.testing.assert_close(features, built.backbone(built.normalise(low)))
    assert "forward" not in built.backbone.blocks[0].__dict__


def test_a_module_that_runs_twice_is_shown_twice(around):
    layer, made = nn.Conv2d(2, 2, 1), {}
    watch_blocks(
        around(nn.Sequential(layer, layer)),
        torch.rand(1, 1, 4, 4),
        ["backbone.body.0"],
        made.__setitem__,
    )
    assert list(made) == ["backbone.body.0", "backbone.body.0 (2)"]


def test_a_backbone_without_blocks_is_refused(around):
    with pytest.raises(ValueError, match=r"the backbone \(Bare\) repeats no module"):
        blocks_of(around(nn.Sequential(nn.Conv2d(2, 2, 1))), torch.rand(1, 1, 4, 4))
