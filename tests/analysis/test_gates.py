import json

import pytest
import torch

from bigpicture.analysis.figure import save_figure
from bigpicture.analysis.gates import gates, show_gates
from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.backbones.rgt import RGTSettings
from bigpicture.models.heads.graph import GraphSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings

RGT = RGTSettings(channels=96, depths=(2, 1), heads=2, window=(2, 4))
NAMES = ["backbone.groups.0.blocks.0", "backbone.groups.0.blocks.1", "backbone.groups.1.blocks.0"]


def test_a_gate_is_the_mean_of_what_the_channels_let_through():
    network = Network(NetworkSettings(RGT, SubPixelSettings()))
    for place, name in enumerate(NAMES, 1):
        gamma = network.get_submodule(name).hai.gamma
        gamma.data = torch.zeros(96)
        gamma.data[:place] = 96
        gamma.data[-place:] = -96
    found = gates(network)
    assert list(found) == NAMES
    assert [gate.mean for gate in found.values()] == [2, 4, 6]


def test_untrained_gates_are_the_published_start(tmp_path):
    network = Network(NetworkSettings(RGT, GraphSettings(nodes=2)))
    found = gates(network)
    assert [round(gate.mean, 7) for gate in found.values()] == [1e-4] * 3 + [0, 0]
    assert list(found)[3:] == ["head.up.0", "head.refine"]
    panels, caption, numbers = show_gates(found)
    save_figure(tmp_path / "gates.png", panels, caption, numbers)
    blocks = json.loads((tmp_path / "gates.json").read_text())["blocks"]
    assert [block["name"] for block in blocks] == list(found)
    assert [len(block["gamma"]) for block in blocks] == [96, 96, 96, 1, 1]


def test_the_quantiles_are_those_of_the_channels():
    network = Network(NetworkSettings(RGT, SubPixelSettings()))
    for name in NAMES:
        network.get_submodule(name).hai.gamma.data = torch.linspace(-1, 1, 96)
    bars, lines = show_gates(gates(network))[0]
    assert list(bars.heights.values()) == pytest.approx([0.505] * 3, abs=0.001)
    for share in (10, 50, 90):
        assert lines.curves[f"{share} %"] == pytest.approx([share / 100] * 3, abs=0.02)


def test_a_network_without_gates_is_refused():
    network = Network(NetworkSettings(EDSRSettings(channels=4, blocks=1), SubPixelSettings()))
    with pytest.raises(
        ValueError, match="has no operator .* HybridAdaptiveIntegration .in rgt. or"
    ):
        gates(network)
    for settings in (RGTSettings(integration="skip"), RGTSettings(integration="none")):
        with torch.device("meta"):
            without = Network(NetworkSettings(settings, SubPixelSettings()))
        with pytest.raises(ValueError, match="has only RecursiveGeneralizationAttention;"):
            gates(without)
