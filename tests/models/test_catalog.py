"""What every network inherits by being listed in the catalogue, and any head on any backbone.

Sizes are tested with fewer and narrower layers, see `BACKBONE` and `HEAD`: a new kind needs a line
there. What a published size is in full is a test of its own family.
"""

import copy
import functools
import pickle
from dataclasses import asdict, replace
from itertools import product

import pytest
import torch
from pydantic import TypeAdapter

from bigpicture.compute import strips
from bigpicture.context.contract import ContextOperator
from bigpicture.infer import Tiling, render
from bigpicture.layers.modulation import Modulation
from bigpicture.models.catalog import SIZES, build
from bigpicture.models.contract import Limits
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.models.variant import BACKBONES, HEADS
from bigpicture.weights.detect import detect
from bigpicture.weights.file import load_file, save_network
from bigpicture.weights.public.release import Converted
from support.networks import shaken, weightless, with_backbone

BACKBONE = {
    "edsr": {"channels": 8, "blocks": 2},
    "hourglass": {"channels": 16, "growth": 4, "blocks": 1, "depths": (2, 1, 1, 2)},
    "rcan": {"channels": 8, "groups": 2, "blocks": 2},
    "rdn": {"channels": 8, "growth": 4, "blocks": 2, "depth": 2},
    "rgt": {"channels": 96, "depths": (3,), "heads": 2, "window": (2, 4)},
    "swinir": {"channels": 8, "depths": (2, 1), "heads": (2, 2), "window": 4},
}
"""What makes a backbone of each kind small."""

HEAD = {
    "direct": {},
    "graph": {"nodes": 3, "reduction": 2},
    "implicit": {"hidden": 8, "depth": 2},
    "liif": {"hidden": 8, "depth": 2},
    "nearest": {"width": 4},
    "subpixel": {},
}


def tiny(settings: NetworkSettings) -> NetworkSettings:
    """Return the same network with fewer and narrower layers."""
    backbone, head = settings.backbone, settings.head
    small = dict(BACKBONE[backbone.kind])
    if getattr(backbone, "places", None) is not None:
        small["places"] = (small["blocks"],)
    if isinstance(steered := getattr(backbone, "modulation", None), Modulation):
        small["modulation"] = replace(steered, reduction=min(2, steered.reduction))
    narrow = dict(HEAD[head.kind])
    if head.kind == "subpixel" and head.width is not None:
        narrow["width"] = 4
    return replace(settings, backbone=replace(backbone, **small), head=replace(head, **narrow))


@functools.cache
def scales_of(name: str) -> list[int]:
    """Return the scales of 2, 3 and 4 that a size can have."""
    possible = []
    for scale in (2, 3, 4):
        try:
            with torch.device("meta"):
                Network(tiny(SIZES[name](scale)))
        except ValueError as error:
            assert "scale" in str(error)
        else:
            possible.append(scale)
    return possible


def distinct(settings: dict[str, NetworkSettings]) -> dict[str, NetworkSettings]:
    """Return settings without those that came out as one before."""
    found = {}
    for name, own in settings.items():
        if own not in found.values():
            found[name] = own
    return found


LISTED = distinct({name: tiny(size(scales_of(name)[0])) for name, size in SIZES.items()})
PARTS = {
    f"{head} on {backbone}": NetworkSettings(
        BACKBONES[backbone](**BACKBONE[backbone]), HEADS[head](scale=2, **HEAD[head])
    )
    for backbone, head in product(BACKBONES, HEADS)
}
STEERED = {
    f"{attention} in {kind}": NetworkSettings(
        settings(**BACKBONE[kind], modulation=Modulation(attention, reduction=2)),
        HEADS["subpixel"](scale=2),
    )
    for kind, settings in BACKBONES.items()
    if "modulation" in settings.__dataclass_fields__
    for attention in ("none", "channel", "spatial", "ikm", "crac")
}

listed = pytest.mark.parametrize("name", LISTED)


def picture(settings: NetworkSettings, height: int, width: int, count: int = 1) -> torch.Tensor:
    return torch.rand(count, settings.colours, height, width)


@pytest.mark.parametrize(
    ("name", "scale"), [(name, scale) for name in SIZES for scale in scales_of(name)]
)
def test_sizes_build_in_full_and_their_settings_survive_a_file(name, scale):
    with torch.device("meta"):
        network = build(name, scale)
    settings = network.settings
    assert network.limits.scale == settings.scale == scale
    assert network.limits.reach > 0
    for part, kinds in ((settings.backbone, BACKBONES), (settings.head, HEADS)):
        kind = TypeAdapter(kinds[part.kind])
        assert kind.validate_json(kind.dump_json(part)) == part
        assert kind.validate_python(asdict(part)) == part


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 50), (7, 3), (17, 16), (1000, 7)], ids=str)
@listed
def test_any_size_goes(name, size):
    network = shaken(LISTED[name])
    scale = network.limits.scale
    with torch.inference_mode():
        high = network(picture(network.settings, *size))
        assert high.shape[-2:] == (scale * size[0], scale * size[1])
        assert high.isfinite().all()
        if network.limits.any_scale:
            other = network(picture(network.settings, *size), (size[0] + 1, 2 * size[1] + 1))
            assert other.shape[-2:] == (size[0] + 1, 2 * size[1] + 1)


@listed
def test_a_batch_is_its_pictures_one_by_one(name):
    network = shaken(LISTED[name]).double()
    low = picture(network.settings, 9, 11, count=3).double()
    with torch.inference_mode():
        one_by_one = torch.cat([network(own[None]) for own in low])
        torch.testing.assert_close(network(low), one_by_one)
    torch.testing.assert_close(network(low), one_by_one)  # in evaluation, but for a gradient


@listed
def test_every_parameter_learns(name):
    left = {key for key, _ in shaken(LISTED[name]).named_parameters()}
    for _ in range(5):  # of the few units of a small layer, a ReLU may leave nothing by chance
        network = shaken(LISTED[name])
        low = picture(network.settings, 12, 10, count=4)
        # in training, what precedes a normalisation over the batch moves nothing, and of a patch
        # this small, what summarises large pictures is not asked
        for training in (True, False):
            network.train(training).zero_grad()
            network(low).sub(0.5).square().mean().backward()
            for key, parameter in network.named_parameters():
                if parameter.grad is not None and parameter.grad.abs().sum() > 0:
                    assert parameter.grad.isfinite().all(), key
                    left.discard(key)
        if not left:
            break
    assert not left


@listed
def test_gray_pictures_go(name):
    settings = replace(LISTED[name], colours=1)
    network = shaken(settings)
    assert network(picture(settings, 5, 6)).shape[1] == 1
    assert network.limits.colours == 1


@pytest.mark.parametrize(("colours", "other"), [(3, 1), (3, 4), (1, 3)])
def test_pictures_of_other_colours_are_refused(colours, other):
    network = Network(replace(LISTED["ciaosr-edsr"], colours=colours))
    low, points = torch.rand(1, other, 5, 6), torch.zeros(1, 2, 2)
    for restore in (network, lambda low: network.query(low, points, points)):
        with pytest.raises(ValueError, match=f"low must have {colours} channels, .* not {other} "):
            restore(low)


@listed
def test_copies_pickles_and_files_are_the_same_network(name, tmp_path):
    network = shaken(LISTED[name])
    save_network(network, tmp_path / "network.safetensors", {"licence": "CC0"})
    loaded = load_file(tmp_path / "network.safetensors").network
    assert loaded.settings == network.settings
    low = picture(network.settings, 9, 8)
    with torch.inference_mode():
        expected = network(low)
        for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network)), loaded):
            assert torch.equal(twin(low), expected)


@pytest.mark.parametrize("name", SIZES)
def test_of_every_size_tensors_alone_tell_all_settings(name):
    settings = SIZES[name](4)
    shapes = weightless(settings).state_dict()
    tensors = {key: torch.zeros(own.shape) for key, own in shapes.items()}
    assert detect(Converted(tensors), name) == settings


UNTRACED = {"edsr": ["residual_scale"], "rgt": ["window"]}
"""What tensors as small as here do not tell, though those of listed sizes do."""


@listed
def test_tensors_alone_give_the_same_pictures(name):
    network = shaken(LISTED[name])
    settings = network.settings
    found = detect(Converted(network.state_dict()), name)
    assert (found.mean, found.std) == (settings.mean, settings.std)
    untraced = UNTRACED.get(settings.backbone.kind, ())
    own = {name: getattr(settings.backbone, name) for name in untraced}
    twin = Network(with_backbone(found, **own)).eval()
    twin.load_state_dict(network.state_dict())
    low, size = picture(settings, 9, 8), (9 * settings.scale, 8 * settings.scale)
    with torch.inference_mode():
        assert torch.equal(twin(low, size), network(low, size))


@listed
def test_works_in_threads(name, at_once):
    network = shaken(LISTED[name])
    lows = [picture(network.settings, 7, 8) for _ in range(4)]
    parameters = list(network.parameters())

    def work(index):
        high = network(lows[index])
        return [high, *torch.autograd.grad(high.square().sum(), parameters)]

    expected = [work(index) for index in range(len(lows))]
    for one, other in zip(expected, at_once(work, len(lows)), strict=True):
        torch.testing.assert_close(one, other)


def freeze_contexts(network: Network, low: torch.Tensor) -> None:
    """Let all operators keep the contexts that they gather from `low`."""
    kept = {}
    for key, operator in network.named_modules():
        if isinstance(operator, ContextOperator):
            kept[key] = []
            gather = operator.gather
            operator.gather = lambda x, part=None, key=key, gather=gather: (
                kept[key].append(gather(x)) or kept[key][-1]
            )
    network(low)
    for key, contexts in kept.items():
        assert len(contexts) == 1, f"{key} gathers {len(contexts)} times"
        network.get_submodule(key).gather = lambda x, part=None, own=contexts[0]: own


@listed
def test_what_lies_beyond_the_reach_acts_through_contexts_alone(name):
    network = shaken(LISTED[name]).double()
    limits = network.limits
    changed = 3 * limits.align
    width = -(-(changed + limits.reach + 9) // limits.align) * limits.align
    low = picture(network.settings, 4, width).double()
    other = low.clone()
    other[..., :changed] = 1 - other[..., :changed]
    with torch.inference_mode():
        freeze_contexts(network, low)
        difference = (network(low) - network(other)).abs().amax((0, 1, 2))
    beyond = limits.scale * (changed + limits.reach)
    assert difference[beyond:].max() < 1e-9
    assert difference[:beyond].max() > 1e-3


# rectangles may see slightly less, and what passes many spatial attentions is too little to be seen
LOOSE = {name for name in PARTS if name.endswith("on rgt")}
LOOSE |= {"spatial in hourglass", "spatial in rdn"}


@pytest.mark.parametrize("name", PARTS | STEERED)
def test_without_contexts_a_pixel_acts_as_far_as_the_reach_and_no_farther(name):
    settings = (PARTS | STEERED)[name]
    network = shaken(settings).double()
    limits = network.limits
    width = (3 + -(-limits.reach // limits.align)) * limits.align
    low = picture(settings, 4, width).double()
    farthest = 0
    with torch.inference_mode():
        freeze_contexts(network, low)
        before = network(low)
        for changed in range(limits.align, 2 * limits.align):  # wherever windows begin
            other = low.clone()
            other[..., : changed + 1] = 1 - other[..., : changed + 1]
            moved = (network(other) - before).abs().amax((0, 1, 2)) > 1e-12
            farthest = max(farthest, moved.nonzero().max().item() // limits.scale - changed)
    assert farthest <= limits.reach
    assert farthest == limits.reach or name in LOOSE


@pytest.mark.parametrize("kind", ["rgt", "swinir"])
def test_paths_are_left_out_for_whole_pictures_also_without_gradients(kind, monkeypatch):
    monkeypatch.setattr(strips, "_PIXELS_AT_ONCE", 10)
    network = shaken(with_backbone(PARTS[f"subpixel on {kind}"], drop_path=0.9)).double().train()
    low, found = torch.rand(2, 3, 13, 9).double(), []
    for gradients in (True, False):
        torch.manual_seed(1)
        with torch.set_grad_enabled(gradients):
            found.append(network(low))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("name", PARTS | STEERED)
def test_any_head_on_any_backbone_learns(name):
    network = Network((PARTS | STEERED)[name])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    low, high = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 16, 16)
    before = {key: own.detach().clone() for key, own in network.named_parameters()}
    for _ in range(2):
        optimizer.zero_grad()
        (network(low) - high).abs().mean().backward()
        optimizer.step()
    after = dict(network.named_parameters())
    assert all(own.isfinite().all() for own in after.values())
    moved = {key for key, own in after.items() if not torch.equal(own, before[key])}
    assert "backbone.first.weight" in moved
    assert any(key.startswith("head.") for key in moved)


@pytest.mark.parametrize("name", PARTS)
def test_any_head_on_any_backbone_in_tiles_is_the_whole(name):
    network = shaken(PARTS[name]).double()
    limits, low = network.limits, picture(network.settings, 22, 42).double()
    with torch.inference_mode():
        whole = network(low)
    size = (44, 84) if limits.any_scale else None
    tiling = Tiling(16, halo=limits.reach, context="exact")
    torch.testing.assert_close(
        render(network, limits, low, tiling, size=size), whole.float(), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("wrong", [{"multiple": 4}, {"smallest": 8}])
def test_a_network_for_any_scale_takes_any_size(wrong):
    assert Limits(2, 3, reach=1, **wrong).scale == 2
    with pytest.raises(ValueError, match=r"must be 1 with any_scale.* let the network pad"):
        Limits(2, 3, reach=1, any_scale=True, **wrong)


# each part once, where RCAN steers by channel and U-HDN by IKM; RGT, of narrower limits, is
# traced among its own tests
TRACED = [f"subpixel on {kind}" for kind in BACKBONES if kind != "rgt"]
TRACED += [f"{kind} on edsr" for kind in HEADS]
TRACED += ["spatial in edsr", "crac in edsr"]
# the systems'
BACKWARD = {"crac in edsr", "implicit on edsr", "graph on edsr", "subpixel on hourglass"}


@pytest.mark.parametrize("name", dict.fromkeys(TRACED))
def test_compiles_into_one_graph_and_exports_for_sizes_it_was_not_exported_at(name, assert_traces):
    network = Network((PARTS | STEERED)[name]).eval()
    low = torch.rand(2, 3, 12, 14)
    backward = name in BACKWARD
    assert_traces(network, low[:1], [(21, 17), (4, 30)], low, tolerance=1e-4, backward=backward)


def test_every_kind_is_tested():
    assert BACKBONE.keys() >= BACKBONES.keys()
    assert HEAD.keys() >= HEADS.keys()
