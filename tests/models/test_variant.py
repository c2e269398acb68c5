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
        ({"backbone": {"channels": "many"}}, "backbone.channels is 'many'"),
        ({"backbone": {"channels": 0}}, "backbone.channels is 0: Input should be greater than 0"),
        ({"backbone": {"depths": [2, -1]}}, "backbone.depths.1 is -1"),
        ({"backbone": {"kind": "rgt", "drop_path": 1.0}}, "backbone.drop_path is 1"),
        ({"backbone": {"kind": []}}, r"backbone\.kind is \[\]; there are edsr, hourglass"),
        ({"backbone": {"modulation": {"attention": "none", "kernel": 4}}}, "kernel must be odd"),
        ({"backbone": {"modulation": {"dilation": 0}}}, "backbone.modulation.dilation is 0"),
        ({"head": {"scale": 2.5}}, "head.scale is 2.5"),
        ({"colours": 2}, "colours is 2: Input should be 1 or 3"),
        ({"std": [1.0, 0.0, 1.0]}, "std.1 is 0.0: Input should be greater than 0"),
        ({"mean": ["red"]}, "mean.0 is 'red'"),
        ({"head": "graph"}, "head is .graph.; give its settings by name"),
        ({"backbone": {"blocks": 10**9}}, "blocks is 1000000000: .* less than or equal to 9999"),
        ({"backbone": {"depths": [10**9]}}, "backbone.depths.0 is 1000000000"),
        ({"backbone": {"kind": "rgt", "window": [8, 10**9]}}, "backbone.window.1 is 1000000000"),
        ({"backbone": {"kind": "swinir", "window": 10**9}}, "backbone.window is 1000000000"),
        ({"head": {"scale": 1_000_000_007}}, "head.scale is 1000000007"),
        ({"head": {"kind": "liif", "depth": 10**9}}, "head.depth is 1000000000"),
        ({"backbone": {"modulation": {"crac": {"groups": 0}}}}, "modulation.crac.groups is 0"),
        ({"backbone": {"modulation": {"crac": {"latent": -1}}}}, "modulation.crac.latent is -1"),
    ],
)
def test_what_no_network_has_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        varied(SIZES["uhdn"](2), changes)


def test_stated_settings_that_are_not_known_are_not_passed_over():
    stated = to_plain(SIZES["edsr"](2))
    for part in ("backbone", "head"):
        later = stated | {part: stated[part] | {"later": True}}
        with pytest.raises(ValueError, match=f"unknown setting '{part}.later'"):
            from_plain(later)
    with pytest.raises(ValueError, match="later"):
        from_plain(stated | {"later": True})


@pytest.mark.parametrize("name", ["backbone", "head", "colours", "mean", "std"])
def test_a_setting_that_is_not_stated_is_named(name):
    stated = to_plain(SIZES["edsr"](2))
    del stated[name]
    with pytest.raises(ValueError, match=f"setting '{name}' is missing"):
        from_plain(stated)


def test_a_kind_that_is_not_known_is_answered_with_those_that_are():
    stated = to_plain(SIZES["edsr"](2))
    with pytest.raises(ValueError, match=r"backbone\.kind is 'vdsr'; there are edsr, hourglass"):
        from_plain(stated | {"backbone": {"kind": "vdsr"}})


def test_a_variant_is_built():
    network = build("rdn-light", 2, changes={"head": {"kind": "graph", "nodes": 4}})
    assert network.settings.head == GraphSettings(scale=2, nodes=4)
