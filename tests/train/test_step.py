"""What a step does the same, however it is computed, and what it learns with every loss."""

import pytest
import torch
from torch import nn

from bigpicture.data.training import open_crops
from bigpicture.models.catalog import build
from bigpicture.models.variant import BACKBONES
from bigpicture.train.loop import batches_of
from bigpicture.train.losses import perceptual
from bigpicture.train.processes import Processes
from bigpicture.train.recompute import blocks_of, recompute_blocks
from bigpicture.train.run import run_recipe
from bigpicture.train.start import start
from bigpicture.train.step import Learner

GAME = {"l1": 1.0, "adversarial": {"weight": 0.1, "channels": 4}}


def after(recipe, steps=2):
    """Return what a recipe has learned after some steps, and the losses of the last."""
    processes = Processes("cpu")
    run = start(recipe, processes).run
    run.network.train()
    learner = Learner(recipe, run, processes)
    crops = open_crops(recipe.data, recipe.model.scale)
    outcome = None
    for step, batch in enumerate(batches_of(recipe, crops, processes, range(steps))):
        outcome = learner.step(step, batch)
    return run, outcome


def weights(run):
    return run.network.state_dict()


def gradients(run):
    """Yield each weight's first gradient, as far as Adam has taken it in."""
    optimisers = [run.optimiser, *([run.adversary.optimiser] if run.adversary else [])]
    for optimiser in optimisers:
        yield from (state["exp_avg"] for state in optimiser.state.values())


def vectors(run):
    return {k: v for k, v in run.adversary.network.state_dict().items() if k.endswith(("_u", "_v"))}


@pytest.mark.parametrize("losses", [{"l1": 1.0}, GAME], ids=["l1", "game"])
def test_parts_of_a_batch_add_up_to_it(recipe, changed, losses):
    recipe = changed(recipe, losses=losses, data={"images": 4})
    whole, one = after(recipe, 1)
    parts, other = after(changed(recipe, optimiser={"accumulate": 2}), 1)
    assert other.losses == pytest.approx(one.losses, rel=1e-5)
    for gradient, expected in zip(gradients(parts), gradients(whole), strict=True):
        assert (gradient - expected).norm() <= 1e-4 * expected.norm() + 1e-9
    if whole.adversary is not None:  # one iteration of the singular values, not two
        torch.testing.assert_close(vectors(parts), vectors(whole), rtol=0, atol=0)


@pytest.mark.parametrize("size", ["tiny", "cran-light", "rgt-light", "swinir-light", "srgrn-light"])
def test_blocks_that_are_computed_again_give_the_same(size):
    """The same gradients and statistics to the last bit, from fewer tensors kept."""
    found = []
    for again in (False, True):
        torch.manual_seed(0)
        network = build(size, 2)
        if again:
            recompute_blocks(network.backbone)
        kept: dict[int, int] = {}

        def keep(x, kept=kept):
            kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            return x

        torch.manual_seed(1)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            loss = network(torch.rand(2, 3, 8, 8)).square().mean()
        loss.backward()
        grads = {n: p.grad for n, p in network.named_parameters() if p.grad is not None}
        found.append((grads, dict(network.named_buffers()), sum(kept.values())))
    (one, statistics, all_kept), (other, again_statistics, less) = found
    assert one.keys() == other.keys() and one
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert all(torch.equal(statistics[n], again_statistics[n]) for n in statistics)
    assert less < 0.7 * all_kept


def test_every_backbone_has_blocks_to_compute_again():
    sizes = ["edsr-baseline", "comonet-s", "cran", "rdn-light", "rgt-light", "swinir-light"]
    kinds = set()
    for size in sizes:
        with torch.device("meta"):
            network = build(size, 2)
        assert len(blocks_of(network.backbone)) > 1, size
        kinds.add(network.settings.backbone.kind)
    assert kinds == BACKBONES.keys()


def test_recompute_is_wired_in(recipe, changed):
    plain, _ = after(recipe)
    again, _ = after(changed(recipe, precision={"recompute": True}))
    for name, value in weights(plain).items():
        assert torch.equal(value, weights(again)[name]), name


def test_a_long_gradient_is_shortened(recipe, changed):
    short = changed(recipe, optimiser={"clip": 1e-12, "warmup": 0})
    processes = Processes("cpu")
    run = start(short, processes).run
    learner = Learner(short, run, processes)
    (batch,) = batches_of(short, open_crops(short.data, 2), processes, range(1))
    learner.step(0, batch)
    moments = [state["exp_avg"] for state in run.optimiser.state.values()]
    norm = nn.utils.get_total_norm(moments) / (1 - 0.9)
    assert norm.item() == pytest.approx(1e-12, rel=1e-3)


@pytest.mark.parametrize("numbers", ["bf16", "fp16"])
@pytest.mark.parametrize("losses", [{"l1": 1.0}, GAME], ids=["l1", "game"])
def test_half_precision_learns_nearly_the_same(recipe, changed, numbers, losses):
    recipe = changed(recipe, losses=losses)
    run, outcome = after(changed(recipe, precision={"numbers": numbers}))
    _, exact = after(recipe)
    assert outcome.losses == pytest.approx(exact.losses, rel=0.05)
    assert (run.scaler.get_scale() > 1) == (numbers == "fp16")
    assert not outcome.broken


def test_a_gradient_beyond_fp16_lowers_the_scale_and_learns_nothing(recipe, changed):
    recipe = changed(recipe, precision={"numbers": "fp16"})
    processes = Processes("cpu")
    run = start(recipe, processes).run
    run.scaler._init_scale = 2.0**40
    before = {name: value.clone() for name, value in weights(run).items()}
    learner = Learner(recipe, run, processes)
    (batch,) = batches_of(recipe, open_crops(recipe.data, 2), processes, range(1))
    assert learner.step(0, batch).broken == []
    assert run.scaler.get_scale() == 2.0**39
    assert all(torch.equal(before[name], value) for name, value in weights(run).items())
    assert run.average.n_averaged == 0


def test_one_player_s_gradient_beyond_fp16_holds_the_other_too(recipe, changed):
    recipe = changed(recipe, losses=GAME, precision={"numbers": "fp16"})
    processes = Processes("cpu")
    run = start(recipe, processes).run
    run.network.backbone.first.weight.register_hook(lambda gradient: gradient * float("inf"))
    players = [run.network, run.adversary.network]
    before = [[p.detach().clone() for p in player.parameters()] for player in players]
    learner = Learner(recipe, run, processes)
    (batch,) = batches_of(recipe, open_crops(recipe.data, 2), processes, range(1))
    assert learner.step(0, batch).broken == []
    assert run.scaler.get_scale() == 2.0**15
    for player, known in zip(players, before, strict=True):
        assert all(torch.equal(*pair) for pair in zip(player.parameters(), known, strict=True))


def test_the_judge_learns_what_it_is_shown(recipe, changed):
    game = {"l1": 1.0, "adversarial": {"channels": 8, "rate": 0.001}}
    still = changed(recipe, losses=game, optimiser={"rate": 1e-9, "schedule": "constant"})
    processes = Processes("cpu")
    learner = Learner(still, start(still, processes).run, processes)
    (batch,) = batches_of(still, open_crops(still.data, 2), processes, range(1))
    losses = [learner.step(step, batch).losses for step in range(40)]
    assert losses[-1]["discriminator"] < 0.3 * losses[0]["discriminator"]
    assert losses[-1]["generator"] > losses[0]["generator"]
    assert losses[-1]["l1"] == pytest.approx(losses[0]["l1"], rel=1e-3)


def test_both_players_are_logged(recipe, changed, tmp_path, quiet, logged):
    game = changed(recipe, losses=GAME, optimiser={"steps": 2}, watch={"benchmark": None})
    run_recipe(game, tmp_path / "out", device="cpu", console=quiet)
    for name in ("l1", "generator", "discriminator"):
        assert [line["step"] for line in logged(tmp_path / "out", name)] == [1, 2]


def test_the_network_does_not_train_its_judge(recipe, changed):
    """How much the judge's word counts changes the network, and of the judge nothing at first."""
    game = {"channels": 4}
    plain, _ = after(recipe, 1)
    light, heavy = (
        after(changed(recipe, losses={"l1": 1.0, "adversarial": game | {"weight": weight}}), 1)[0]
        for weight in (1e-30, 10.0)
    )
    torch.testing.assert_close(weights(light), weights(plain))
    first = "backbone.first.weight"
    assert not torch.allclose(weights(heavy)[first], weights(plain)[first])
    torch.testing.assert_close(
        light.adversary.network.state_dict(), heavy.adversary.network.state_dict(), rtol=0, atol=0
    )


def test_all_losses_at_once(recipe, changed, monkeypatch):
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
    taps = perceptual.Taps(layers, {"conv1_2": 1.0})
    monkeypatch.setattr("bigpicture.train.objective.vgg19", lambda layers: taps)
    everything = {
        "l1": 0.5,
        "charbonnier": {"weight": 0.5, "epsilon": 1e-2},
        "frequency": 0.1,
        "perceptual": {"layers": {"conv1_2": 2.0}},
        "adversarial": {"channels": 4, "game": "hinge", "rate": 1e-4},
    }
    run, outcome = after(changed(recipe, losses=everything))
    assert list(outcome.losses) == [
        "l1", "charbonnier", "frequency", "perceptual", "generator", "discriminator",
    ]  # fmt: skip
    assert not outcome.broken
    rates = {group["lr"] for group in run.adversary.optimiser.param_groups}
    assert rates == {outcome.rate / 10}


def test_compile_is_asked_for(recipe, changed, monkeypatch):
    compiled = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled.append(type(self).__name__))
    after(changed(recipe, precision={"compile": True}), 1)
    assert compiled == ["Renderer"]


def test_a_batch_without_numbers_leaves_the_judge_as_it_is(recipe, changed):
    game = changed(recipe, losses=GAME)
    processes = Processes("cpu")
    run = start(game, processes).run
    learner = Learner(game, run, processes)
    (batch,) = batches_of(game, open_crops(game.data, 2), processes, range(1))
    learner.step(0, batch)
    before = {name: value.clone() for name, value in run.adversary.network.state_dict().items()}
    assert learner.step(1, batch._replace(low=batch.low * float("nan"))).broken
    after = run.adversary.network.state_dict()
    assert all(torch.equal(before[name], value) for name, value in after.items())


def test_a_batch_without_numbers_leaves_running_statistics_as_they_are(recipe, changed):
    cran = changed(recipe, model={"size": "cran-light", "backbone": {"groups": 1}})
    processes = Processes("cpu")
    run = start(cran, processes).run
    run.network.train()
    learner = Learner(cran, run, processes)
    (batch,) = batches_of(cran, open_crops(cran.data, 2), processes, range(1))
    learner.step(0, batch)
    before = {name: value.clone() for name, value in weights(run).items()}
    outcome = learner.step(1, batch._replace(low=batch.low * float("nan")))
    assert outcome.broken == ["l1"]
    assert any("running" in name for name in before)
    assert all(torch.equal(before[name], value) for name, value in weights(run).items())
