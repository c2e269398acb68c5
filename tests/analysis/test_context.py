import pytest
import torch
from torch.nn import functional as F

from bigpicture.analysis.context import Look, looks
from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.context.crac import CRACConv2d
from bigpicture.context.ikm import IKMConv2d
from bigpicture.context.non_local import CrossScaleAttention
from bigpicture.context.rg_sa import RecursiveGeneralizationAttention
from bigpicture.models.heads.graph import GraphSettings


def all_zero(module):
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)
    return module


def bright(height, width, rows, columns):
    """A dark picture with a bright rectangle."""
    low = torch.zeros(1, 1, height, width)
    low[..., rows, columns] = 1
    return low


@pytest.mark.parametrize("multiple", [1, 5])
def test_a_node_that_selects_bright_pixels_gathers_from_them(around, multiple):
    network = around(head=GraphSettings(nodes=1, reduction=1), multiple=multiple)
    graph = all_zero(network.head.up[0].graph)
    graph.relate.weight.data[:, 0] = 1
    low = torch.rand(1, 1, 9, 12)
    low[..., 6, 2] = 2
    found = looks(network, low)
    assert list(found) == ["head.up.0.graph", "head.refine.graph"]
    gathers, heard = found["head.up.0.graph"]
    assert (gathers.of, heard.of) == ("node 0 gathers from", "node 0 is heard by")
    torch.testing.assert_close(gathers.weights[:9, :12], low[0, 0])
    assert gathers.brightest(9, 12) == (6, 2)
    assert (heard.weights == 1).all()  # there is no other node
    assert heard.diffusion == pytest.approx(100)
    covered = (10, 15) if multiple == 5 else (9, 12)
    assert [look.covers for own in found.values() for look in own] == [covered] * 4


def test_of_two_nodes_each_is_heard_by_its_pixels(around):
    network = around(head=GraphSettings(nodes=2, reduction=1, grrb=False, scale=4))
    for module in network.head.up:
        all_zero(module)
        module.expand.weight.data[:, :, 1, 1] = torch.eye(2).repeat_interleave(4, 0)
        torch.nn.init.dirac_(module.conv.weight)
        module.graph.assign.weight.data = 50 * torch.eye(2)[..., None, None]
    low = bright(6, 8, slice(None), slice(0, 2))
    found = looks(network, low)
    for name, finer in (("head.up.0.graph", 1), ("head.up.1.graph", 2)):
        heard = {look.of: look for look in found[name]}
        for node, expected in ((0, low), (1, 1 - low)):
            look = heard[f"node {node} is heard by"]
            torch.testing.assert_close(
                look.weights, F.interpolate(expected, scale_factor=finer)[0, 0]
            )
            assert look.covers == (6, 8)
        assert heard["node 0 is heard by"].diffusion == pytest.approx(25)


def test_every_pixel_attends_to_the_token_whose_key_wins(around):
    attention = all_zero(RecursiveGeneralizationAttention(2, 2, scaling=1))
    attention.reduce.weight.data.fill_(1 / 16)
    torch.nn.init.dirac_(attention.refine.weight, groups=2)
    torch.nn.init.dirac_(attention.squeeze.weight)
    attention.norm.weight.data.fill_(1)
    attention.k.weight.data[:, 0] = 40  # of the token's first channel, which says bright
    attention.q.bias.data[0] = 1
    attention.q.bias.data[1] = -1
    low = bright(40, 50, slice(16, 32), slice(32, 48))
    own, every, wins, loses = looks(around(attention), low, (39, 1))["backbone.body"]
    expected = torch.tensor([[0.0, 0, 0], [0, 0, 1]])
    assert own.covers == (32, 48)  # pixels beyond the last whole block are in no token
    assert wins.of == "the pixel, head 0"
    torch.testing.assert_close(wins.weights, expected)
    torch.testing.assert_close(loses.weights, (1 - expected) / 5)
    for look in (own, every):
        torch.testing.assert_close(look.weights, (wins.weights + loses.weights) / 2)
    assert wins.brightest(40, 50) == (24, 40)
    assert (wins.diffusion, loses.diffusion) == (pytest.approx(100 / 6), pytest.approx(500 / 6))
    assert [look.asked for look in (own, every, wins, loses)] == [True, False, True, True]


def test_pixels_that_ask_differently_find_different_tokens(around):
    torch.manual_seed(0)
    attention = RecursiveGeneralizationAttention(2, 1, scaling=1)
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter)
    low = torch.rand(1, 1, 33, 70)
    features = torch.cat([low, 1 - low], 1)
    network = around(attention)
    with torch.no_grad():
        shares = attention.eval().attention(features, attention.gather(features))[0, 0]
    for row, column in ((0, 0), (32, 69), (16, 35)):
        own, every, *_ = looks(network, low, (row, column))["backbone.body"]
        torch.testing.assert_close(own.weights, shares[row, column])
        torch.testing.assert_close(every.weights, shares.mean((0, 1)))


def test_a_pixel_finds_its_pattern_at_twice_the_size(around):
    attention = all_zero(CrossScaleAttention(2))
    attention.match[0].weight.data[0, 0] = 300  # sharp
    attention.match[0].bias.data[0] = -150
    attention.reference[0].weight.data[0, 0] = 2
    attention.reference[0].bias.data[0] = -1
    for part in (attention.match, attention.reference):
        torch.nn.init.ones_(part[1].weight)  # no slope
    generator = torch.Generator().manual_seed(0)
    low = torch.rand(1, 1, 24, 32, generator=generator)
    pattern = torch.randint(2, (3, 3), generator=generator).float()
    low[..., 3:6, 4:7] = pattern
    low[..., 12:18, 20:26] = F.interpolate(pattern[None, None], scale_factor=2)
    (look,) = looks(around(attention), low, (4, 5))["backbone.body"]
    assert look.of == "the pixel, ×2"
    assert look.weights.shape == (12, 16)
    assert look.weights[7, 11] > 0.99  # of the 2×2 pixels in the middle
    assert look.brightest(24, 32) == (15, 23)


@pytest.mark.parametrize("operator", [IKMConv2d(2, 2, threshold=0.5), CRACConv2d(2, 2, groups=1)])
def test_the_grid_that_modulates_kernels_is_seen(around, operator):
    (look,) = looks(around(operator), bright(9, 12, slice(0, 3), slice(0, 4)))["backbone.body"]
    if isinstance(operator, IKMConv2d):
        # in one channel the bright cell is active, in the other all but it
        torch.testing.assert_close(look.weights, torch.full((3, 3), 0.5))
        assert look.of == "active pixels"
    else:
        torch.testing.assert_close(look.weights, torch.full((3, 3), 0.5).sqrt())
        assert look.of == "mean features"
    assert look.covers == (9, 12)


def test_the_brightest_cell_is_one_of_the_picture():
    # of a picture of 50×36 pixels, padded to 64×48: the last row of cells is partly in it
    weights = torch.zeros(4, 4)
    weights[3, 2], weights[3, 3] = 1, 2
    assert Look("", weights, (64.0, 48.0)).brightest(50, 36) == (49, 30)
    assert Look("", weights, (64.0, 48.0)).brightest(64, 48) == (56, 42)


def test_diffusion_is_the_share_of_the_picture_that_is_looked_at():
    def diffusion(*weights):
        return Look("", torch.tensor([weights]), (1.0, 1.0)).diffusion

    assert diffusion(1.0, 0, 0, 0) == pytest.approx(25)
    assert diffusion(3.0, 3, 0, 0) == pytest.approx(50)
    assert diffusion(0.1, 0.1, 0.1, 0.1) == pytest.approx(100)
    assert diffusion(0.0, 0.0) == 0
    assert 50 < diffusion(2.0, 1) < 100


def test_colours_and_several_calls_of_an_operator_are_told_apart(around):
    operator = IKMConv2d(2, 2)
    network = around(torch.nn.Sequential(operator, operator))
    found = looks(network, torch.rand(1, 3, 9, 9))
    assert list(found) == ["backbone.body.0", "backbone.body.0 (2)"]


def test_what_cannot_be_seen_is_refused(around):
    low = torch.rand(1, 1, 9, 12)
    with pytest.raises(ValueError, match="this network has only ChannelAttention") as refused:
        looks(around(ChannelAttention(2, 1)), low)
    assert "GraphReasoning (in srgrn)" in str(refused.value)
    with pytest.raises(ValueError, match="has no operator with a context"):
        looks(around(), low)
    for row, column in ((9, 0), (0, 12), (-1, 0)):
        with pytest.raises(ValueError, match=f"column {column}, row {row} is not in the picture"):
            looks(around(IKMConv2d(2, 2)), low, (row, column))
