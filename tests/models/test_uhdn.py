from dataclasses import replace

import pytest
import torch

from bigpicture.analysis.cost import cost, parameters
from bigpicture.context.contract import ContextOperator
from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.models.catalog import build
from bigpicture.models.network import Network
from bigpicture.models.uhdn import ABLATIONS, comonet_s, uhdn
from support.networks import TINY_UHDN as TINY
from support.networks import shaken, weightless, with_backbone, with_head


@pytest.mark.parametrize(
    ("name", "scale", "count"),
    [
        ("uhdn", 2, 1_390_851),
        ("uhdn", 3, 1_402_371),
        ("uhdn", 4, 1_400_067),
        ("uhdn-l", 2, 10_903_299),
    ],
)
def test_parameters_are_the_paper_s(name, scale, count):
    assert parameters(build(name, scale)) == count


@pytest.mark.parametrize(("scale", "count"), [(2, 722_259), (3, 874_179), (4, 760_851)])
def test_comonet_counts_its_stored_thresholds(scale, count):
    units = 4 * 6
    layers = 4 * sum(comonet_s(scale).backbone.depths)
    assert parameters(build("comonet-s", scale)) + layers + units == count


def test_ikm_adds_nothing_and_channel_attention_what_the_paper_says():
    plain = parameters(build("uhdn", 2, "none"))
    assert parameters(build("uhdn", 2)) == plain
    one_block = with_backbone(uhdn(2), blocks=1)
    channel = with_backbone(one_block, modulation=Modulation("channel"))
    counts = [parameters(Network(s)) for s in (one_block, channel)]
    assert (counts[0], counts[1] - counts[0]) == (384_867, 2_610)  # Table III: 384.9 K, +2.61 K


@pytest.mark.parametrize(
    ("row", "thousands", "billions"),
    [
        ("RB", 362.1, 15.8),
        ("DB", 382.3, 16.7),
        ("RDB", 411.0, 18.0),
        ("U-HDB", 384.9, 16.85),
        ("RB + IKM", 362.1, 15.8),
        ("RDB + IKM", 411.0, 18.0),
        ("DB + CA", 384.9, 16.7),
        ("RDB + CA", 413.6, 18.0),
        ("U and hourglass", 1390.9, 60.3),
        ("hourglass", 1390.9, 60.3),
        ("U-HDN_V1", 1390.9, 60.3),
        ("U-HDN_V2", 1401.3, 60.8),
        ("U-HDN_V3", 1401.3, 60.8),
        ("3×3, dilation 3 + IKM", 1390.9, 60.3),
    ],
)
def test_ablations_are_the_paper_s(row, thousands, billions):
    counted = cost(weightless(ABLATIONS[row]), (180, 240))
    bias = ABLATIONS[row].backbone.channels  # of the first convolution, which the paper counts
    assert round((counted.parameters + bias) / 1e3, 1) == thousands
    assert counted.multiply_adds / 1e9 == pytest.approx(billions, abs=0.05)


@pytest.mark.parametrize("row", ABLATIONS)
def test_ablations_learn(row):
    full = ABLATIONS[row].backbone
    small = {"channels": 16, "growth": 4, "blocks": 1, "depths": full.depths[:2]}
    network = Network(with_backbone(ABLATIONS[row], **small))
    network(torch.rand(2, 3, 8, 9)).sub(0.5).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.abs().sum() > 0 or "excite" in name, name  # as below


def test_blocks_are_fused_with_what_went_in():
    settings = with_backbone(TINY, block="residual-dense", modulation=Modulation("none"))
    (block,) = Network(settings).backbone.blocks
    x = torch.randn(2, 16, 6, 5)
    made = [x]
    for unit in block.blocks:
        made.append(unit.body(made[-1]) + made[-1])
    weight = block.fuse.weight[..., 0, 0]
    expected = torch.einsum("dc,bchw->bdhw", weight, torch.cat(made, 1)) + x
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("attention", ["none", "channel", "spatial", "ikm", "crac"])
@pytest.mark.parametrize("block", ["hourglass", "dense", "residual-dense", "residual"])
def test_every_block_takes_every_attention_and_learns(block, attention):
    network = Network(with_backbone(TINY, block=block, modulation=Modulation(attention)))
    network(torch.rand(2, 3, 8, 9)).sub(0.5).abs().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        # of the one hidden unit of a channel attention this small, ReLU may leave nothing; and what
        # a batch adds to CRAC's scores everywhere, its norm takes away
        assert parameter.grad.abs().sum() > 0 or "excite" in name or "restore.bias" in name


@pytest.mark.parametrize(
    "change",
    [
        {"modulation": Modulation(kernel=5)},
        {"modulation": Modulation(dilation=2)},
        {"modulation": Modulation(dilation=3, threshold=0.2)},
        {"modulation": Modulation(gradient="exact")},
        {"modulation": Modulation(gradient="go")},
        {"skips": False},
        {"depths": (1, 2, 2, 1)},
        {"depths": (1, 1, 2, 2)},
        {"depths": (2, 2, 1, 1)},
        {"bias": True, "activation": Activation(0.1)},
    ],
    ids=str,
)
def test_every_setting_builds_and_runs(change):
    network = Network(with_backbone(TINY, **change)).eval()
    assert network(torch.rand(2, 3, 5, 7)).shape == (2, 3, 10, 14)


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 6])
@pytest.mark.parametrize(
    "change", [{"expansion": "plain"}, {"expansion": "depthwise"}, {"width": 32}]
)
def test_every_setting_of_the_head_builds_and_runs(change, scale):
    settings = replace(with_head(TINY, scale=scale, **change), colours=1)
    assert Network(settings)(torch.rand(2, 1, 5, 7)).shape == (2, 1, 5 * scale, 7 * scale)


@pytest.mark.parametrize("gradient", ["iso", "exact"])
def test_kernels_learn_the_same_of_a_batch_in_training_and_in_evaluation(gradient):
    network = shaken(with_backbone(TINY, modulation=Modulation(gradient=gradient))).double()
    low = torch.rand(3, 3, 9, 8).double()
    trained, evaluated = (
        torch.autograd.grad(network.train(training)(low).square().mean(), [*network.parameters()])
        for training in (True, False)
    )
    torch.testing.assert_close(trained, evaluated)


@pytest.mark.parametrize(("attention", "acts_beyond"), [("none", False), ("ikm", True)])
def test_pixels_act_as_far_as_the_reach_and_beyond_it_through_contexts(attention, acts_beyond):
    network = shaken(with_backbone(TINY, modulation=Modulation(attention))).double()
    centre = network.limits.reach + 1
    low = torch.rand(1, 3, 9, 2 * centre + 1, dtype=torch.float64)
    for column, acts in {0: acts_beyond, 1: True, -2: True, -1: acts_beyond}.items():
        changed = low.clone()
        changed[..., column] = 1 - changed[..., column]
        with torch.inference_mode():
            before, after = (network(x)[..., 2 * centre : 2 * centre + 2] for x in (low, changed))
        assert torch.equal(before, after) != acts, column


def test_operators_are_found_by_the_contract():
    network = build("uhdn", 2)
    assert sum(isinstance(m, ContextOperator) for m in network.modules()) == 4 * 30


@pytest.mark.parametrize("thresholds", [(((0.0,),),), (((0.5, 0.25), (0.1,), (0.0,), (1.0,)),)])
def test_thresholds_that_do_not_fit_are_refused(thresholds):
    with pytest.raises(ValueError, match=r"1 blocks of units of depths=\(2, 1, 1, 2\), not for"):
        Network(with_backbone(TINY, thresholds=thresholds))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"skips": False, "block": "dense"}, "skips=False needs block='hourglass', as 'dense' has"),
        ({"modulation": Modulation("none")}, "dense layers with IKM, not attention='none' in"),
        ({"block": "residual"}, "dense layers with IKM, .* in block='residual'"),
    ],
    ids=str,
)
def test_settings_that_would_do_nothing_are_refused(change, message):
    thresholds = None if "skips" in change else (((0.5, 0.25), (0.1,), (0.0,), (1.0, 0.5)),)
    with pytest.raises(ValueError, match=message):
        Network(with_backbone(TINY, thresholds=thresholds, **change))


def test_an_unknown_size_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'uhdn-l'"):
        build("uhdn-ll", 2)


def test_a_size_that_it_cannot_make_is_refused_with_the_one_that_it_can():
    network, low = Network(TINY), torch.rand(1, 3, 5, 7)
    assert torch.equal(network(low, (10, 14)), network(low))
    with pytest.raises(ValueError, match=r"size=\(11, 14\).*renders \(10, 14\) from \(5, 7\)"):
        network(low, (11, 14))


def test_only_a_network_for_any_scale_goes_without_one():
    with pytest.raises(ValueError, match="uhdn needs a scale"):
        build("uhdn")
