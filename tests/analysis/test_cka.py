from dataclasses import replace
from itertools import combinations

import pytest
import torch
from torch import nn

from bigpicture.analysis.blocks import watch_blocks
from bigpicture.analysis.cka import MinibatchCKA, cka, crops_of, gram, show_cka, u_centred
from bigpicture.layers.modulation import Modulation
from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.backbones.hourglass import HourglassSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings


def random_gram(n, p):
    return gram(torch.randn(n, p, dtype=torch.float64))


def hsic(k, m):
    """The estimator as Song et al. write it, their eq. (4)."""
    n = len(k)
    k, m = k - torch.diag(k.diag()), m - torch.diag(m.diag())
    ones = torch.ones(n, dtype=k.dtype)
    total = torch.trace(k @ m) + (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
    return (total - 2 / (n - 2) * (ones @ k @ m @ ones)) / (n * (n - 3))


def alignment(*batches):
    """CKA of two sequences of features, a pair for each minibatch."""
    total = MinibatchCKA()
    for one, other in batches:
        total.add(gram(one)[None], gram(other)[None])
    return total.value().item()


def test_a_product_of_u_centred_matrices_is_the_unbiased_estimator():
    k, m = random_gram(9, 5), random_gram(9, 3)
    product = (u_centred(k) * u_centred(m)).sum() / (9 * 6)
    torch.testing.assert_close(product, hsic(k, m))
    torch.testing.assert_close(u_centred(k).sum(0), torch.zeros(9).double(), atol=1e-9, rtol=0)


def test_minibatches_are_the_whole_in_the_mean():
    # over all subsets of a size, it is exact: the estimator is a U-statistic
    x, y = torch.randn(7, 4).double(), torch.randn(7, 6).double()
    subsets = [list(each) for each in combinations(range(7), 4)]
    mean = torch.stack([hsic(gram(x[s]), gram(y[s])) for s in subsets]).mean()
    torch.testing.assert_close(mean, hsic(gram(x), gram(y)))
    whole = alignment((x, y))
    assert alignment(*[(x[s], y[s]) for s in subsets]) == pytest.approx(whole)


def test_a_rotation_a_scale_and_a_shift_are_no_difference():
    x = torch.randn(12, 6).double()
    rotation, _ = torch.linalg.qr(torch.randn(6, 6).double())
    assert alignment((x, x)) == pytest.approx(1)
    assert alignment((x, -7 * x @ rotation + 3)) == pytest.approx(1)
    assert alignment((x, x @ torch.randn(6, 6).double())) < 0.99


def test_a_large_mean_leaves_no_rounding_in_single_precision():
    x, y = torch.randn(8, 5), torch.randn(8, 3)
    assert alignment((x + 100, y)) == pytest.approx(alignment((x, y)), abs=1e-4)


def test_independent_features_are_about_0_however_many_they_are():
    found = [
        alignment((torch.randn(20, 500).double(), torch.randn(20, 300).double())) for _ in range(60)
    ]
    assert abs(sum(found) / 60) < 0.02  # the biased estimator would say 0.95
    assert min(found) < 0 < max(found)


def edsr(**settings) -> Network:
    return Network(
        NetworkSettings(EDSRSettings(channels=6, blocks=3, **settings), SubPixelSettings())
    ).eval()


def test_blocks_of_a_network_are_compared_with_each_other():
    crops = torch.rand(11, 3, 6, 7)
    done = []
    found = cka(edsr(), crops, batch=4, advance=done.append)
    assert found.first == found.second == tuple(f"backbone.blocks.{i}" for i in range(3))
    torch.testing.assert_close(found.cka.diag(), torch.ones(3).double())
    torch.testing.assert_close(found.cka, found.cka.mT)
    assert found.cka[0, 2] < 0.9999
    assert (found.crops, found.batches, done[-1]) == (11, 2, 11)


def outputs(network: Network, crops, names) -> list[torch.Tensor]:
    made = {}
    watch_blocks(network, crops, names, made.__setitem__)
    return [made[name] for name in names]


def test_the_blocks_of_two_networks_are_compared_with_each_other():
    crops = torch.rand(9, 3, 6, 7)
    one, other = edsr(), edsr()
    found = cka(one, crops, other, batch=4)
    assert found.first == found.second == tuple(f"backbone.blocks.{i}" for i in range(3))
    firsts, seconds = (outputs(each, crops, found.first) for each in (one, other))
    batches = torch.arange(9).tensor_split(2)
    expected = [
        [alignment(*[(x[batch], y[batch]) for batch in batches]) for y in seconds] for x in firsts
    ]
    torch.testing.assert_close(found.cka, torch.tensor(expected, dtype=torch.float64))
    assert (found.cka - cka(one, crops, batch=4).cka).abs().max() > 1e-3


def test_the_order_of_the_channels_is_no_difference():
    crops = torch.rand(9, 3, 6, 7)
    one, other = edsr(), edsr()
    other.load_state_dict(one.state_dict())
    for layer in other.backbone.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data = layer.weight.data.flip(0)
            layer.bias.data = layer.bias.data.flip(0)
            if layer is not other.backbone.first:
                layer.weight.data = layer.weight.data.flip(1)
    assert not torch.equal(one(crops), other(crops))
    torch.testing.assert_close(cka(one, crops, other, batch=4).cka, cka(one, crops, batch=4).cka)


def test_networks_are_compared_whatever_their_widths():
    crops, one = torch.rand(9, 3, 6, 7), edsr()
    wider = Network(
        NetworkSettings(
            HourglassSettings(channels=16, growth=4, blocks=1, depths=(1, 1)), SubPixelSettings()
        )
    ).eval()
    mixed = cka(one, crops, wider)
    assert mixed.cka.shape == (3, 2)
    assert mixed.second == ("backbone.blocks.0.units.0", "backbone.blocks.0.units.1")


def test_features_are_those_that_the_modules_make():
    network, crops = edsr(), torch.rand(5, 3, 6, 7)
    with torch.no_grad():
        first = network.backbone.first(network.normalise(crops))
        last = network.backbone(network.normalise(crops))
    found = cka(network, crops, blocks=["backbone.first", "backbone"])
    assert found.cka[0, 1].item() == pytest.approx(alignment((first, last)))
    assert network.backbone.first.forward.__func__ is nn.Conv2d.forward  # nothing is left in it


def test_kernels_that_learn_from_the_mean_of_a_batch_do_not_depend_on_it():
    def hourglass(gradient) -> Network:
        modulation = Modulation("ikm", gradient=gradient)
        backbone = HourglassSettings(
            channels=16, growth=4, blocks=1, depths=(1, 1), modulation=modulation
        )
        return Network(NetworkSettings(backbone, SubPixelSettings())).eval()

    crops = torch.rand(8, 3, 6, 7) * torch.linspace(0.1, 1, 8)[:, None, None, None]
    averaging, exact = hourglass("go"), hourglass("exact")
    exact.load_state_dict(averaging.state_dict())
    torch.testing.assert_close(cka(averaging, crops).cka, cka(exact, crops).cka)
    layer = averaging.backbone.blocks[0].units[0].readers[0]
    assert layer.gradient == "go"  # the network is left as it was


def test_a_block_that_is_named_twice_counts_once():
    network, crops = edsr(), torch.rand(5, 3, 6, 7)
    found = cka(network, crops, blocks=["backbone.first", "backbone.last", "backbone.first"])
    assert found.first == ("backbone.first", "backbone.last")


def test_what_cannot_be_compared_is_refused():
    network, crops = edsr(), torch.rand(6, 3, 5, 5)
    with pytest.raises(ValueError, match="at least 4, not 3 in minibatches of 32"):
        cka(network, crops[:3])
    with pytest.raises(ValueError, match="in minibatches of 3"):
        cka(network, crops, batch=3)
    with pytest.raises(ValueError, match="no module 'backbone.blocks.7'"):
        cka(network, crops, blocks=["backbone.blocks.7"])
    with pytest.raises(ValueError, match="head returns no tensor while features are"):
        cka(network, crops, blocks=["head"])
    with pytest.raises(ValueError, match="the output of backbone.first is not finite"):
        cka(network, crops * torch.nan, blocks=["backbone.first"])
    for parameter in network.backbone.last.parameters():
        torch.nn.init.zeros_(parameter)
    same = "the output of backbone.last is the same for all crops"
    with pytest.raises(ValueError, match=same):
        cka(network, crops, blocks=["backbone.first", "backbone.last"])
    with pytest.raises(ValueError, match=same):
        cka(edsr(), crops, network, blocks=["backbone.first"], other_blocks=["backbone.last"])


def test_crops_are_drawn_from_all_pictures_and_again_the_same():
    pictures = {f"{i}.png": torch.full((1, 1, 9 + i, 8), i / 4) for i in range(4)}
    crops = crops_of(pictures, 10, 8, seed=1)
    assert crops.shape == (10, 3, 8, 8)
    levels = crops[:, 0, 0, 0].mul(4).long().bincount().tolist()
    assert levels == [3, 3, 2, 2]
    assert torch.equal(crops, crops_of(pictures, 10, 8, seed=1))
    ramp = {"ramp": torch.rand(1, 3, 30, 30)}
    assert not torch.equal(crops_of(ramp, 4, 8, seed=1), crops_of(ramp, 4, 8, seed=2))
    with pytest.raises(ValueError, match="1.png has 8×10 pixels, too few for crops of 10×10"):
        crops_of({"1.png": pictures["1.png"]}, 4, 10, seed=0)


def test_the_figure_names_blocks_and_has_their_numbers():
    found = cka(edsr(), torch.rand(5, 3, 6, 7))
    (panel,), caption, numbers = show_cka(found, ["mine"])
    assert torch.equal(panel.values, found.cka)
    assert "mine (backbone.blocks.0 to backbone.blocks.2) over 5 crops" in caption
    assert numbers["cka"] == found.cka.tolist()
    _, caption, _ = show_cka(replace(found, second=("a", "b")), ["mine", "yours"])
    assert "yours (a to b)" in caption
