"""A step under torch.compile learns the same: its graphs are the network's, also backward."""

import torch

from bigpicture.train.run import run_recipe

TRAIN = """
from functools import partialmethod
from torch.nn import Module
from torch._dynamo.backends.debugging import aot_eager

def without_writing(graph, inputs):
    "All but the last stage of the compiler, which takes half a minute to write graphs in C++."
    print("a graph was made")
    return aot_eager(graph, inputs)

Module.compile = partialmethod(Module.compile, backend=without_writing)

from bigpicture.app.cli import main

main()
"""


def gradients(folder) -> list[torch.Tensor]:
    """Return what Adam has taken in, a tenth of the only step's gradients."""
    content = torch.load(folder / "checkpoint.pt", weights_only=True)
    return [state["exp_avg"] for state in content["optimiser"]["state"].values()]


def test_a_compiled_step_learns_the_same(recipe, changed, toml, alone, quiet, tmp_path):
    small = {"channels": 8, "growth": 4, "blocks": 1, "depths": [1, 1]}
    recipe = changed(
        recipe,
        model={"size": "uhdn", "backbone": small},
        data={"workers": 0},
        optimiser={"steps": 1, "warmup": 0},
    )
    run_recipe(recipe, tmp_path / "plain", device="cpu", console=quiet)
    compiled = changed(recipe, precision={"compile": True})
    # in a process of its own: the checks of annotated shapes cannot be traced
    options = ["--out", tmp_path / "compiled", "--device", "cpu"]
    assert alone("-c", TRAIN, "train", toml(compiled), *options).count("a graph was made") == 1
    found, expected = gradients(tmp_path / "compiled"), gradients(tmp_path / "plain")
    assert len(found) == len(expected) == 9
    for one, other in zip(found, expected, strict=True):
        assert other.abs().max() > 0
        assert (one - other).norm() <= 1e-4 * other.norm()
