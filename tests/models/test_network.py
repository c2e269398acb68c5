"""What a network is asked for, and what it answers if it cannot."""

from dataclasses import replace

import pytest
import torch

from bigpicture.context.contract import Part
from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.catalog import SIZES, build
from bigpicture.models.contract import Region
from bigpicture.models.heads.liif import LIIFSettings
from bigpicture.models.network import Network, NetworkSettings, weightless
from support.networks import TINY_UHDN

ANY_SCALE = NetworkSettings(EDSRSettings(channels=4, blocks=1), LIIFSettings(hidden=8, depth=1))


@pytest.mark.parametrize(
    ("settings", "size"), [(TINY_UHDN, None), (TINY_UHDN, (10, 12)), (ANY_SCALE, None)]
)
def test_a_region_without_a_result_that_it_lies_in_is_refused(settings, size):
    low, region = torch.rand(1, 3, 5, 6), Region(Part.all_of(5, 6), (0, 2), (0, 3))
    with pytest.raises(ValueError, match="region needs the size of the whole result"):
        Network(settings)(low, size, region)


def test_a_region_is_cut_from_the_result():
    network, low = Network(ANY_SCALE).eval(), torch.rand(1, 3, 5, 6)
    own = network(low, (9, 11), Region(Part.all_of(5, 6), (2, 4), (3, 9)))
    torch.testing.assert_close(own, network(low, (9, 11))[..., 2:4, 3:9])


@pytest.mark.parametrize("name", SIZES)
def test_no_more_is_allocated_than_there_are_tensors(name):
    """So a file's tensors limit how much is built to be compared with them."""
    settings = SIZES[name](4)
    state = weightless(settings).state_dict()
    assert weightless(settings, len(state)).state_dict().keys() == state.keys()


def test_building_stops_where_there_are_more_parameters_than_allowed():
    settings = replace(ANY_SCALE, backbone=EDSRSettings(blocks=9999))
    with pytest.raises(ValueError, match="it has more than 100 weights and biases"):
        weightless(settings, 100)


def test_a_missing_scale_is_named_before_anything_is_built(monkeypatch):
    monkeypatch.setattr("bigpicture.models.catalog.Network", None)
    with pytest.raises(ValueError, match="uhdn needs a scale, such as scale=4"):
        build("uhdn")


def test_a_size_without_blocks_to_modulate_is_named():
    with pytest.raises(ValueError, match=r"swinir has no blocks .* modulated \(attention='crac'\)"):
        build("swinir", 2, "crac")
