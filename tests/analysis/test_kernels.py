import json
import math

import pytest
import torch

from bigpicture.analysis.figure import save_figure
from bigpicture.analysis.kernels import modulated_kernels, show_kernels
from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.context.crac import CRACConv2d
from bigpicture.context.ikm import IKMConv2d

LAYER = "backbone.body"


def cells(*bright):
    """A picture of 3×3 cells, some of which are bright."""
    low = torch.zeros(1, 1, 9, 12)
    for row, column in bright:
        low[..., 3 * row : 3 * row + 3, 4 * column : 4 * column + 4] = 1
    return low


def test_a_mask_of_one_half_is_that_far_from_ones_for_every_picture(around):
    layer = CRACConv2d(2, 2, groups=1)
    for parameter in (layer.by_output.decode.weight, layer.by_input.decode.weight):
        torch.nn.init.zeros_(parameter)  # σ(0) everywhere
    pictures = [torch.rand(1, 1, 9, 9), torch.rand(1, 3, 8, 14), torch.ones(1, 1, 5, 5)]
    found = modulated_kernels(around(torch.nn.Sequential(layer)), pictures)
    (own,) = found.values()
    torch.testing.assert_close(own.distance, torch.full((3,), 1.5).double())  # √(9 · ¼)
    assert own.between.abs().max() < 1e-7
    assert own.diversity < 1e-7
    torch.testing.assert_close(own.masks, torch.full((3, 2, 3, 3), 0.5).double())


@pytest.mark.parametrize("form", ["residual", "scaled"])
def test_ikm_moves_kernels_where_pixels_are_active(around, form):
    layer = IKMConv2d(2, 2, threshold=0.5, form=form)
    pictures = [cells(), cells((0, 0)), cells((0, 0))]
    own = modulated_kernels(around(layer), pictures)[LAYER]
    # of the first picture, all cells are alike, so its kernels are the layer's own
    assert own.distance[0] == pytest.approx(0, abs=1e-6)
    # of the others, one channel's shares are (1, 0, …, 0), the other's (0, 1, …, 1)
    one = torch.tensor([1.0] + 8 * [0.0], dtype=torch.float64)
    if form == "scaled":
        away = [9 * torch.softmax(share, 0) - 1 for share in (one, 1 - one)]
    else:
        away = [torch.softmax(torch.sigmoid(share), 0) - 1 / 9 for share in (one, 1 - one)]
    expected = sum(each.norm().item() for each in away) / 2
    assert own.distance[1:].tolist() == pytest.approx([expected] * 2, rel=1e-5)
    assert own.masks[1, 0].argmax() == 0
    assert own.masks[1, 1].argmin() == 0
    assert own.between[1, 2] == 0
    assert own.explained[0] == pytest.approx(1)


def test_distances_are_those_of_the_kernels_themselves(around):
    layer = CRACConv2d(2, 2, groups=1).double().eval()
    network = around(layer).double()
    pictures = [torch.rand(1, 1, 9 + i, 9, dtype=torch.float64) for i in range(3)]
    own = modulated_kernels(network, pictures)[LAYER]
    with torch.no_grad():
        contexts = [layer.gather(torch.cat([low, 1 - low], 1)) for low in pictures]
        kernels = torch.cat([layer.kernels(context) for context in contexts])
        away = [(layer.attention(c) - 1).square().sum((-1, -2)).sqrt().mean() for c in contexts]
    torch.testing.assert_close(own.distance, torch.stack(away))
    for i in range(3):
        for j in range(3):
            expected = (kernels[i] - kernels[j]).norm() / kernels.mean(0).norm()
            torch.testing.assert_close(own.between[i, j], expected)
    # three points lie in a plane, which shows their distances as they are
    torch.testing.assert_close(torch.cdist(own.plane, own.plane), own.between)
    assert sum(own.explained) == pytest.approx(1)
    assert own.diversity == pytest.approx(own.between.sum().item() / 6)
    farthest = own.plane.gather(0, own.plane.abs().argmax(0, keepdim=True))
    assert (farthest > 0).all()


def test_every_layer_of_a_network_has_its_kernels(around, tmp_path):
    body = torch.nn.Sequential(IKMConv2d(2, 5), torch.nn.ReLU(), CRACConv2d(5, 2, groups=1))
    pictures = [torch.rand(1, 1, 9, 9) for _ in range(2)]
    found = modulated_kernels(around(body), pictures)
    assert list(found) == [f"{LAYER}.0", f"{LAYER}.2"]
    panels, caption, numbers = show_kernels(found, ["a.png", "b.png"], f"{LAYER}.2")
    titles = [panel.title for panel in panels]
    assert titles[3:] == ["Kernels of layer 1", "Masks of layer 1, a.png"]
    assert panels[0].curves["b.png"] == [own.distance[1].item() for own in found.values()]
    save_figure(tmp_path / "kernels.png", panels, caption, numbers)
    written = json.loads((tmp_path / "kernels.json").read_text())
    assert [layer["name"] for layer in written["layers"]] == list(found)
    assert written["layers"][0]["distance"] == found[f"{LAYER}.0"].distance.tolist()
    with pytest.raises(ValueError, match=f"no name matches 'x'; names are {LAYER}.0"):
        show_kernels(found, ["a.png", "b.png"], "x")


def test_of_many_pictures_the_range_is_drawn(around):
    pictures = [torch.rand(1, 1, 9, 9) for _ in range(9)]
    found = modulated_kernels(around(IKMConv2d(2, 2)), pictures)
    curves = show_kernels(found, [str(i) for i in range(9)])[0][0].curves
    distance = found[LAYER].distance
    assert curves["most"] == [distance.max().item()]
    assert curves["least"] == [distance.min().item()]
    assert math.isclose(curves["mean"][0], distance.mean().item())


def test_what_has_no_kernels_to_compare_is_refused(around):
    with pytest.raises(ValueError, match="CRACConv2d .in cran. or IKMConv2d .in uhdn.") as refused:
        modulated_kernels(around(ChannelAttention(2, 1)), [torch.rand(1, 1, 9, 9)])
    assert "has only ChannelAttention" in str(refused.value)
    for count in (0, 1):
        with pytest.raises(ValueError, match=f"give at least 2, not {count}"):
            modulated_kernels(around(IKMConv2d(2, 2)), [torch.rand(1, 1, 9, 9)] * count)
