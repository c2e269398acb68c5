"""Several processes make what one makes."""

import os
import re
import subprocess
import sys

import pytest
import torch

from bigpicture.data.loader import load_batches
from bigpicture.data.training import open_crops
from bigpicture.models.catalog import build
from bigpicture.train.processes import Processes
from bigpicture.train.run import run_recipe


def launched(*arguments, device="cpu"):
    """Run a program in two processes, as torchrun starts them, on the CPU."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    return subprocess.run(
        [*launch, *arguments, "--device", device],
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_two_processes_give_the_result_of_one(recipe, changed, toml, tmp_path, quiet, logged):
    """As torchrun starts them: gloo on the CPU, with a discriminator, in two parts each."""
    pytest.importorskip("accelerate")
    recipe = changed(
        recipe,
        model={"size": "comonet-s", "attention": "none"},
        data={"images": 4},
        losses={"l1": 1.0, "adversarial": {"weight": 0.01, "channels": 4}},
        optimiser={"accumulate": 2, "steps": 2},
    )
    single = changed(recipe, optimiser={"accumulate": 1})
    run_recipe(single, tmp_path / "one", device="cpu", console=quiet)
    done = launched("-m", "bigpicture", "train", toml(recipe), "--out", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("weights:") == 1  # one talks
    one, two = (
        torch.load(tmp_path / n / "checkpoint.pt", weights_only=True) for n in ("one", "two")
    )
    for name in ("optimiser", "adversary"):
        found, expected = (
            (c[name] if name == "optimiser" else c[name]["optimiser"])["state"] for c in (two, one)
        )
        for key, state in expected.items():
            error = found[key]["exp_avg"] - state["exp_avg"]
            assert error.norm() <= 1e-3 * state["exp_avg"].norm() + 1e-9, (name, key)
    for name in ("l1", "generator", "discriminator"):
        for line, expected in zip(
            logged(tmp_path / "two", name), logged(tmp_path / "one", name), strict=True
        ):
            assert line[name] == pytest.approx(expected[name], rel=1e-4)
    assert two["best"] == pytest.approx(one["best"], abs=0.01)


_ONE_IS_TOLD = """
import os, signal
from bigpicture.app.cli import main
from bigpicture.data.patches import Patches

draw = Patches.draw

def told(self, step, share=(0, 1)):
    if (step, share[0]) == (1, 1):
        os.kill(os.getpid(), signal.SIGTERM)
    return draw(self, step, share)

Patches.draw = told
main()
"""


def test_all_processes_end_at_the_step_at_which_one_is_told(recipe, changed, toml, tmp_path):
    """The second one is; the first writes the checkpoint, and none waits for another."""
    pytest.importorskip("accelerate")
    recipe = changed(
        recipe,
        model={"size": "comonet-s", "attention": "none"},
        data={"workers": 0},
        optimiser={"steps": 9},
        watch={"benchmark": None, "save_every": 100},
    )
    script = tmp_path / "told.py"
    script.write_text(_ONE_IS_TOLD)
    ended = launched(script, "train", toml(recipe), "--out", tmp_path / "out")
    assert ended.stdout.count("stopped after step 2; --resume goes on") == 1, ended.stderr
    assert torch.load(tmp_path / "out/checkpoint.pt", weights_only=True)["step"] == 2
    assert ended.returncode != 0
    assert re.search(r"exitcode\s*: 143\b", ended.stderr)  # as torchrun tells


def test_shares_are_the_whole_batch(recipe):
    crops = open_crops(recipe.data, 2)
    (whole,) = load_batches(crops, range(1))
    shares = [next(iter(load_batches(crops, range(1), share=(k, 2)))) for k in range(2)]
    assert torch.equal(torch.cat([share.low for share in shares]), whole.low)


def test_one_process_needs_nobody(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    alone = Processes("cpu")
    assert (alone.main, alone.share) == (True, (0, 1))
    network = torch.nn.Linear(1, 1)
    assert alone.join(network) is network
    assert alone.mean(torch.tensor([3.0])).item() == 3.0
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ImportError, match=r"needs accelerate .*pip install 'bigpicture\[train\]'"):
        Processes("cpu")
    with pytest.raises(ValueError, match="device is 'cuda:1', but several processes"):
        Processes("cuda:1")


def test_processes_that_would_each_train_alone_are_refused(recipe, toml, tmp_path):
    """Without CUDA, accelerate joins them only if it is told to use the CPU."""
    pytest.importorskip("accelerate")
    train = ("-m", "bigpicture", "train", toml(recipe), "--out", tmp_path / "out")
    refused = launched(*train, device="auto")
    assert (
        "2 processes were started, but there is no CUDA here; give --device cpu" in refused.stderr
    )
    assert refused.returncode != 0
    assert not (tmp_path / "out").exists()


def test_normalising_over_all_processes_keeps_what_a_file_holds():
    network = build("cran-light", 2)
    before = network.state_dict()
    torch.nn.SyncBatchNorm.convert_sync_batchnorm(network)
    assert any(isinstance(module, torch.nn.SyncBatchNorm) for module in network.modules())
    assert network.state_dict().keys() == before.keys()
