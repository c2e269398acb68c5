"""A variant is what a size says, but for what is stated."""

import json
from dataclasses import replace

import pytest

from bigpicture.models.catalog import SIZES, build
from bigpicture.models.heads.graph import GraphSettings
from bigpicture.models.variant import BACKBONES, HEADS, from_plain, to_plain, varied


@pytest.mark.parametrize("name", SIZES)
def test_settings_survive_json(name):
    settings = SIZES[name](2)
    assert from_plain(json.loads(json.dumps(to_plain(settings)))) == settings


def test_nothing_stated_changes_nothing():
    assert varied(SIZES["rgt"](3), {}) == SIZES["rgt"](3)


def test_what_is_stated_changes_and_the_rest_stays():
    size = SIZES["uhdn"](2)
    own = varied(size, {"backbone": {"blocks": 2, "modulation": {"attention": "channel"}}})
    modulation = replace(size.backbone.modulation, attention="channel")
    assert own == replace(size, backbone=replace(size.backbone, blocks=2, modulation=modulation))


@pytest.mark.parametrize("kind", BACKBONES)
def test_another_kind_of_backbone_begins_with_its_defaults(kind):
    own = varied(SIZES["cran"](2), {"backbone": {"kind": kind}})
    same = kind == "rcan"  # CRAN's own
    assert own.backbone == (SIZES["cran"](2).backbone if same else BACKBONES[kind]())


@pytest.mark.parametrize("kind", sorted(set(HEADS) - {"nearest"}))
def test_another_kind_of_head_keeps_the_scale(kind):
    assert varied(SIZES["cran"](3), {"head": {"kind": kind}}).head == HEADS[kind](scale=3)


def test_a_list_is_a_tuple_as_toml_has_no_others():
    assert varied(SIZES["rgt-light"](2), {"backbone": {"depths": [2]}}).backbone.depths == (2,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbones": {}}, "unknown setting 'backbones'; did you mean 'backbone'?"),
        ({"backbone": {"chanels": 4}}, r"'backbone\.chanels'; did you mean 'channels'"),
        ({"backbone": {"modulation": "ikm"}}, r"backbone\.modulation is 'ikm'; give its settings"),
        ({"backbone": {"kind": "vdsr"}}, r"backbone\.kind is 'vdsr'; there are edsr, hourglass"),
        ({"backbone": {"channels": "many"}}, "channels"),
        ({"head": {"scale": 2.5}}, "scale"),
        ({"head": "graph"}, "head is .graph.; give its settings by name"),
    ],
)
def test_what_no_network_has_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        varied(SIZES["uhdn"](2), changes)


def test_a_variant_is_built():
    network = build("rdn-light", 2, changes={"head": {"kind": "graph", "nodes": 4}})
    assert network.settings.head == GraphSettings(scale=2, nodes=4)
