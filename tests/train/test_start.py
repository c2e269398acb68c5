"""Weights come from files and checkpoints, settings from the recipe, even those kept as tensors."""

import pytest
import torch

from bigpicture.context.ikm import IKMConv2d
from bigpicture.train.checkpoint import Checkpoints, Progress
from bigpicture.train.processes import Processes
from bigpicture.train.start import start
from bigpicture.weights.file import save_network


@pytest.fixture
def with_threshold(recipe, changed):
    """Return the recipe of a network with IKM that has this threshold, and other changes."""

    def make(threshold, **model):
        backbone = {"modulation": {"threshold": threshold}}
        return changed(recipe, model={"attention": "ikm", "backbone": backbone} | model)

    return make


def thresholds(network):
    return {m.threshold.item() for m in network.modules() if isinstance(m, IKMConv2d)}


def weights(network):
    return {k: v for k, v in network.state_dict().items() if not k.endswith("threshold")}


def assert_all_equal(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_a_run_starts_from_weights_by_its_own_settings(with_threshold, tmp_path):
    known = start(with_threshold(0.5), Processes("cpu")).run.network
    save_network(known, tmp_path / "known.safetensors", {})
    later = with_threshold(0.25, start=str(tmp_path / "known.safetensors"))
    run = start(later, Processes("cpu")).run
    assert thresholds(known) == {0.5}
    assert thresholds(run.network) == thresholds(run.average) == {0.25}
    assert_all_equal(weights(run.network), weights(known))


def test_a_run_goes_on_by_the_settings_that_it_is_given(with_threshold, tmp_path):
    before = start(with_threshold(0.5), Processes("cpu")).run
    with torch.no_grad():
        next(before.average.parameters()).add_(1.0)
    Checkpoints(tmp_path).save(before, Progress(step=1))
    after = start(with_threshold(0.25), Processes("cpu")).run
    with torch.no_grad():
        next(after.network.parameters()).zero_()
    assert Checkpoints(tmp_path).restore(after).step == 1
    assert thresholds(after.network) == thresholds(after.average) == {0.25}
    for name in ("network", "average"):
        assert_all_equal(weights(getattr(after, name)), weights(getattr(before, name)))
