import pytest
import torch

from bigpicture.analysis.figure import save_figure
from bigpicture.analysis.integration import integrations, show_integrations
from bigpicture.models.backbones.rgt import RGTSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings

RGT = RGTSettings(channels=96, depths=(2, 1), heads=2, window=(2, 4), drop_path=0.0)
NAMES = ["backbone.groups.0.blocks.0", "backbone.groups.0.blocks.1", "backbone.groups.1.blocks.0"]


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network(NetworkSettings(RGT, SubPixelSettings())).eval()


def let_through(network, share: float) -> None:
    for name in NAMES:
        network.get_submodule(name).hai.gamma.data.fill_(share)


@pytest.mark.parametrize("size", [(9, 11), (16, 18)])
def test_of_a_gate_that_lets_nothing_through_the_block_alone_is_left(network, size):
    let_through(network, 0.0)
    found = integrations(network, torch.rand(1, 3, *size))
    assert list(found) == NAMES
    for each in found.values():
        assert each.maps.shape == (4, *size)
        assert each.hai == 0 < each.skip
        torch.testing.assert_close(each.maps[3], each.maps[1])


def test_of_a_gate_that_lets_all_through_a_plain_skip_connection_is_left(network):
    let_through(network, 1.0)
    for each in integrations(network, torch.rand(1, 3, 9, 11)).values():
        assert each.hai == pytest.approx(each.skip)
        torch.testing.assert_close(each.maps[3], each.maps[2])


def test_blocks_that_change_nothing_make_what_they_got(network):
    let_through(network, 0.5)
    for name in NAMES:
        block = network.get_submodule(name)
        block._attend = torch.zeros_like
        block.mlp.forward = torch.zeros_like
    for each in integrations(network, torch.rand(1, 3, 9, 11)).values():
        assert each.likeness == pytest.approx(1)
        assert (each.skip, each.hai) == (pytest.approx(1), pytest.approx(0.5))
        given, made, skipped, integrated = each.maps
        torch.testing.assert_close(made, given)
        torch.testing.assert_close(skipped, 2 * given)
        torch.testing.assert_close(integrated, 1.5 * given)


def test_the_network_stays_as_it_is(network):
    low = torch.rand(1, 3, 9, 11)
    before = network(low)
    integrations(network, low)
    assert torch.equal(network(low), before)
    assert "forward" not in vars(network.get_submodule(NAMES[0]))


def test_a_block_that_runs_twice_is_integrated_twice(network):
    blocks = network.backbone.groups[0].blocks
    blocks[1] = blocks[0]
    let_through(network, 1.0)
    found = integrations(network, torch.rand(1, 3, 9, 11))
    assert list(found) == [NAMES[0], f"{NAMES[0]} (2)", NAMES[2]]
    for each in found.values():
        assert each.hai == pytest.approx(each.skip)


def test_rows_of_four_maps_share_their_colours(network, tmp_path):
    found = integrations(network, torch.rand(1, 3, 9, 11))
    panels, caption, numbers, columns = show_integrations(found, "backbone.groups.0.*")
    assert columns == 4
    assert [panel.title for panel in panels[::4]] == [
        *(f"{name}: input" for name in NAMES[:2]),
        "Relative change of the block's output",
    ]
    for row in (panels[:4], panels[4:8]):
        assert {panel.limits for panel in row} == {(0.0, max(p.values.max() for p in row).item())}
    assert "2 of 3 blocks" in caption
    assert [block["name"] for block in numbers["blocks"]] == NAMES
    save_figure(tmp_path / "integration.png", panels, caption, numbers, columns)


def test_a_network_without_hai_is_refused():
    settings = NetworkSettings(RGTSettings(integration="skip"), SubPixelSettings())
    with torch.device("meta"):
        without = Network(settings)
    with pytest.raises(ValueError, match="integration: .* HybridAdaptiveIntegration .in rgt."):
        integrations(without, torch.rand(1, 3, 9, 11))
