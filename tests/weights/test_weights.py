"""Build → save → load → the same settings and the same output; and what is not taken."""

import json
import pickle
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from bigpicture.analysis.cost import parameters
from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.models.backbones.hourglass import HourglassSettings
from bigpicture.models.backbones.rcan import RCANSettings
from bigpicture.models.heads.graph import GraphSettings
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.models.variant import to_plain
from bigpicture.weights.detect import detect, to_our_keys
from bigpicture.weights.errors import WeightsError
from bigpicture.weights.file import load_file, save_network
from bigpicture.weights.index import find, list_models, load
from support.networks import TINY_UHDN as TINY
from support.networks import with_backbone, with_head

LIGHT = replace(
    with_head(
        with_backbone(
            TINY, bias=True, modulation=Modulation(form="scaled"), activation=Activation(0.1)
        ),
        expansion="depthwise",
    ),
    mean=(0.466, 0.448, 0.403),
    std=(0.242, 0.234, 0.246),
)
RELEASED = with_backbone(LIGHT, thresholds=(((0.5, 0.25), (0.125,), (0.0,), (1.0, 0.5)),))

SETTINGS = {
    "tiny": TINY,
    "×3": with_head(TINY, scale=3),
    "×4": with_head(TINY, scale=4),
    "×1": with_head(TINY, scale=1),
    "×6, plain": with_head(TINY, scale=6, expansion="plain"),
    "another width": with_head(TINY, scale=2, expansion="plain", width=24),
    "gray": replace(TINY, colours=1),
    "wide": with_backbone(TINY, channels=32, growth=6),
    "two blocks": with_backbone(TINY, blocks=2, depths=(1, 3)),
    "5×5": with_backbone(TINY, modulation=Modulation(kernel=5)),
    "without IKM": with_backbone(TINY, modulation=Modulation("none")),
    "threshold": with_backbone(TINY, modulation=Modulation(threshold=0.25)),
    "light": LIGHT,
    "light ×4": with_head(LIGHT, scale=4),
    "thresholds": RELEASED,
}
STATED_ONLY = {
    "another mean": replace(TINY, mean=(0.1, 0.2, 0.3), std=(0.5,) * 3),
    "channel attention": with_backbone(TINY, modulation=Modulation("channel")),
    "dilated": with_backbone(TINY, modulation=Modulation(dilation=2, gradient="exact")),
    "dense": with_backbone(TINY, block="dense"),
    "residual": with_backbone(TINY, block="residual"),
}


@pytest.fixture
def low() -> torch.Tensor:
    return torch.rand(1, 3, 9, 8)


def same(one: Network, other: Network, low: torch.Tensor) -> bool:
    low = low[:, : one.settings.colours]
    return one.settings == other.settings and torch.equal(one.eval()(low), other.eval()(low))


@pytest.mark.parametrize("name", SETTINGS | STATED_ONLY)
def test_our_own_files_come_back_as_they_were(name, tmp_path, low):
    network = Network((SETTINGS | STATED_ONLY)[name])
    file = tmp_path / "file.safetensors"
    save_network(network, file, {"licence": "CC0"})
    loaded = load_file(file)
    assert same(loaded.network, network, low)
    assert not loaded.network.training
    assert loaded.facts["licence"] == "CC0"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("wrap", [None, "params_ema", "state_dict"])
def test_tensors_alone_tell_the_settings(name, wrap, tmp_path, low):
    network = Network(SETTINGS[name])
    state = {f"module.{key}": value for key, value in network.state_dict().items()}
    file = tmp_path / "file.pth"
    torch.save({wrap: state, "epoch": 7} if wrap else state, file)
    loaded = load_file(file).network
    assert same(loaded, network, low)


def test_that_tensors_do_not_tell_the_normalisation_is_said():
    network = Network(NetworkSettings(TINY.backbone, GraphSettings()))
    with pytest.warns(UserWarning, match=r"file: .* a graph head on hourglass; mean \(0.4488, "):
        found = detect(to_our_keys(network.state_dict(), "file"), "file")
    assert found == network.settings


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_agrees_with_the_published_network(scale, golden):
    published = golden(f"comonet_tiny_x{scale}")
    config, ours = published.config, to_our_keys(published.public, "golden")
    settings = detect(ours, "golden")
    found = settings.backbone
    assert isinstance(found, HourglassSettings)
    assert (settings.scale, found.growth) == (config["scale"], config["growth_rate"])
    assert (found.channels, found.blocks) == (config["n_channels"], config["n_blocks"])
    assert list(found.depths) == config["n_layers"]
    assert found.modulation.threshold == pytest.approx(0.03)
    network = Network(settings)
    network.load_state_dict(ours.tensors)
    assert len(published.pairs) == 2
    for low, expected in published.pairs:
        error = (network.eval()(low) - expected).abs().max()
        assert error < 1e-4 * expected.std()


def public_comonet(network: Network) -> dict[str, torch.Tensor]:
    """Write a network's tensors as the authors' release does, with thresholds of their own."""
    s, ours, public = network.settings.backbone, network.state_dict(), {}
    for stem, theirs in [("first", "input"), ("last", f"body.{s.blocks}")]:
        for kind in ("weight", "bias"):
            public[f"{theirs}.{kind}"] = ours[f"backbone.{stem}.{kind}"]
    for b in range(s.blocks):
        for u, depth in enumerate(s.depths):
            unit, theirs = f"backbone.blocks.{b}.units.{u}", f"body.{b}.body.{u}"
            for i in range(depth):
                own = [
                    ours[f"{unit}.readers.{j}.weight"][s.growth * (i - j) : s.growth * (i - j + 1)]
                    for j in range(i + 1)
                ]
                public[f"{theirs}.body.{i}.layer.0.Conv2d.weight"] = torch.cat(own, 1)
                public[f"{theirs}.body.{i}.layer.0.threshold"] = ours[
                    f"{unit}.readers.0.threshold"
                ][i : i + 1]
            for kind in ("weight", "bias"):
                public[f"{theirs}.gate.0.Conv2d.{kind}"] = ours[f"{unit}.transition.{kind}"]
            public[f"{theirs}.gate.0.threshold"] = torch.zeros(1)
    for key, value in ours.items():
        if key.startswith("head."):
            stem = {"up": "tail.0", "last": "tail.1"}[key.split(".")[1]]
            public[f"{stem}.{key.split('.', 2)[2]}"] = value
    return public


def test_a_public_checkpoint_is_recognised_and_loads(tmp_path, low):
    network = Network(RELEASED)
    file = tmp_path / "CoMoNet.pth"
    torch.save(public_comonet(network), file)
    assert same(load_file(file).network, network, low)


class Malice:
    def __reduce__(self):
        return (print, ("executed",))


def stating(part="backbone", **changes) -> str:
    """Return facts of a file that state the settings of `TINY`, with changes of a part."""
    settings = to_plain(TINY)
    return json.dumps({"settings": settings | {part: settings[part] | changes}})


STATED = {
    "no JSON": "{",
    "too deep a JSON": "[" * 100_000,
    "no facts": "[1]",
    "a list": '{"settings": [1]}',
    "no settings": '{"settings": {}}',
    "settings of nothing": stating(kind="vdsr"),
    "settings of a later version": stating(norm="layer"),
    "impossible settings": stating(depths=[1]),
    "settings larger than memory": stating(channels=16 * 10**6),
    "mostly missing": stating(),
    "a billion blocks": stating(blocks=10**9),
    "a large prime": stating("head", scale=1_000_000_007),
    "many layers": stating(blocks=9999, depths=[9999] * 100),
}
"""Facts that are of no use."""


def broken(kind: str, folder):
    """Write a file that cannot be used, and return it."""
    state = Network(TINY).state_dict()
    file = folder / "file.pth"
    if kind == "code":
        file.write_bytes(pickle.dumps(Malice(), protocol=2))  # as PyTorch's
    elif kind == "code in a checkpoint":
        torch.save({"state_dict": state, "hook": Malice()}, file)
    elif kind == "no weights":
        file.write_text("hello")
    elif kind == "empty":
        file.touch()
    elif kind == "no tensors":
        torch.save({"epoch": 3}, file)
    elif kind == "of a run":
        parts = {"network": state, "average": {"n_averaged": torch.tensor(3)}, "optimiser": {}}
        torch.save(parts | {"step": 3, "best": 30.0}, file)
    elif kind == "of nothing known":
        torch.save({"conv.weight": torch.rand(3)}, file)
    elif kind == "missing":
        torch.save({k: v for k, v in state.items() if k != "backbone.last.weight"}, file)
    elif kind == "missing and needed to tell":
        torch.save({k: v for k, v in state.items() if k != "backbone.first.weight"}, file)
    elif kind == "of many groups":
        rcan = Network(replace(TINY, backbone=RCANSettings(channels=4, groups=1, blocks=1)))
        torch.save(rcan.state_dict() | {"backbone.blocks.9998.x": torch.rand(1)}, file)
    elif kind == "left over":
        torch.save(state | {"backbone.extra": torch.rand(3)}, file)
    elif kind == "misshapen":
        torch.save(state | {"backbone.last.weight": torch.rand(16, 16, 1, 1)}, file)
    elif kind == "a number":
        torch.save(state | {"backbone.first.weight": torch.tensor(1.0)}, file)
    elif kind == "in itself":
        held = {}
        held["model"] = held
        torch.save(held, file)
    elif kind == "of a billion blocks":
        torch.save(state | {"backbone.blocks.999999999.x": torch.rand(1)}, file)
    elif kind == "larger than memory":
        vast = torch.rand(1, 1, 1, 1).expand(10**6, 10**6, 3, 3)
        torch.save(state | {"backbone.last.weight": vast}, file)
    elif kind == "damaged":
        torch.save(state, file)
        content = bytearray(file.read_bytes())
        content[100:200] = bytes(range(100))
        file.write_bytes(content)
    elif kind == "not public's":
        public = public_comonet(Network(RELEASED))
        torch.save({k: v for k, v in public.items() if k != "input.bias"}, file)
    else:
        file = folder / "file.SAFETENSORS"
        if kind == "mostly missing":
            state = {key: state[key] for key in list(state)[-4:]}
        save_file(state, file, {"bigpicture": STATED.get(kind, "{}")})
        if kind == "cut short":
            file.write_bytes(file.read_bytes()[:-1000])
    return file


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("code", "could run code"),
        ("code in a checkpoint", "could run code"),
        ("no weights", "not a weight file"),
        ("empty", "not a weight file"),
        ("no tensors", "no tensors in it"),
        ("of a run", "a training checkpoint; its weights are beside it in NAME-best.safetensors"),
        ("of nothing known", "no known network has such tensors .conv.weight"),
        ("missing", "backbone.last.weight missing"),
        ("mostly missing", r"first.weight, .*, .* and \d+ more missing"),
        ("missing and needed to tell", "tensor 'backbone.first.weight' is missing"),
        ("left over", "backbone.extra unknown"),
        ("misshapen", r"backbone.last.weight \(16, 16, 1, 1\), not \(16, 16, 3, 3\)"),
        ("not public's", "CoMoNet: tensor 'input.bias' is missing"),
        ("a number", r"tensors have unexpected shapes \(len\(\) of a 0-d tensor\)"),
        ("in itself", "no tensors in it"),
        ("of a billion blocks", "a module has the number 999999999"),
        ("of many groups", "it has more than \\d+ weights and biases"),
        ("larger than memory", "backbone.last.weight missing"),
        ("damaged", "not a weight file"),
        ("cut short", "cut short"),
        ("no JSON", "its metadata is not valid JSON"),
        ("too deep a JSON", "its metadata is not valid JSON"),
        ("no facts", r"its metadata is not a JSON object but '\[1\]'"),
        ("a list", r"do not describe a known network \(they are '\[1\]'\)"),
        ("no settings", r"do not describe a known network \(setting 'backbone' is missing\)"),
        ("settings of nothing", "backbone.kind is 'vdsr'; there are edsr, hourglass"),
        ("settings of a later version", "unknown setting 'backbone.norm'"),
        ("impossible settings", "a U needs an even number of units, not 1"),
        ("settings larger than memory", r"\(16, 3, 3, 3\), not \(16000000, 3, 3, 3\)"),
        ("a billion blocks", "backbone.blocks is 1000000000: .* less than or equal to 9999"),
        ("a large prime", "head.scale is 1000000007"),
        ("many layers", "it has more than \\d+ weights and biases"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_never_run(kind, message, tmp_path, capsys):
    file = broken(kind, tmp_path)
    with pytest.raises(WeightsError, match=message) as caught:
        load_file(file)
    assert str(file) in str(caught.value)
    assert "executed" not in capsys.readouterr().out


def test_a_file_beside_of_another_suffix_stays(tmp_path):
    (tmp_path / "file.part").write_text("mine")
    save_network(Network(TINY), tmp_path / "file.safetensors", {})
    assert (tmp_path / "file.part").read_text() == "mine"


def test_a_misspelt_model_is_answered_with_the_nearest():
    with pytest.raises(WeightsError, match="did you mean 'uhdn-x2'"):
        find("uhdn-x22")
    with pytest.raises(WeightsError, match="no shipped model and no file"):
        load("/no/such/file.pth")


def test_shipped_weights_state_their_facts():
    entries = {entry.name: entry for entry in list_models()}
    assert {"uhdn-x2", "uhdn-x3", "uhdn-x4"} <= set(entries)
    for entry in entries.values():
        network, facts = load(entry.name)
        assert network.limits.scale == entry.scale
        assert entry.parameters == parameters(network)
        assert entry.licence
        assert entry.protocol == "sr-y"
        assert entry.scores["Set5"]["psnr"] > 30
        assert {"recipe", "steps", "training_data"} <= set(facts)


def test_whoever_may_read_the_folder_may_read_the_weights(tmp_path):
    file = tmp_path / "weights.safetensors"
    save_network(Network(TINY), file, {})
    (tmp_path / "other").touch()
    assert file.stat().st_mode == (tmp_path / "other").stat().st_mode
