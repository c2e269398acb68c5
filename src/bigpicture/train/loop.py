"""The training loop, top to bottom.

    [draw → forward → L1 → backward → Adam → average] × steps, scored and saved on the way

A step's crops depend on seed and step alone and every checkpoint holds network, average and
optimiser, so a run that was interrupted goes on as if it had not been.
"""

import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from bigpicture.data.batch import Batch
from bigpicture.data.benchmarks import Benchmark
from bigpicture.data.patches import Patches
from bigpicture.data.queries import Queries
from bigpicture.evaluate.run import Report, evaluate
from bigpicture.infer.gray import restore_any_colours
from bigpicture.metrics.protocol import PROTOCOLS
from bigpicture.models.contract import Limits
from bigpicture.models.network import Network
from bigpicture.shapes import Tensor
from bigpicture.train.checkpoint import Run, restore, save
from bigpicture.train.journal import Journal
from bigpicture.train.recipe import Recipe
from bigpicture.train.schedule import rate_at

__all__ = ["train", "validate"]


def train(
    recipe: Recipe,
    run: Run,
    patches: Patches | Queries,
    benchmark: Benchmark | None,
    checkpoint: Path,
    journal: Journal,
) -> None:
    """Train `run` to the recipe's last step, going on from `checkpoint` where there is one.

    Raises:
        FloatingPointError: If the loss is no longer a finite number. The last checkpoint stays.
    """
    watch, steps = recipe.watch, recipe.optimiser.steps
    forward = torch.compile(_forward) if recipe.precision.compile else _forward
    first, best = restore(checkpoint, run) if checkpoint.exists() else (0, 0.0)
    device = next(run.network.parameters()).device
    layout = torch.channels_last if recipe.precision.channels_last else torch.contiguous_format
    run.network.train()
    journal.begin(first, steps)
    for step in range(first, steps):
        began = time.perf_counter()
        batch = patches.draw(step).to(device, layout)
        # what networks draw themselves, such as dropped paths, is a function of the step as well
        torch.manual_seed(hash((recipe.data.seed, step)))
        waited = time.perf_counter() - began
        rate = rate_at(step, recipe.optimiser)
        for group in run.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision.bf16):
            restored = forward(run.network, batch)
        loss = F.l1_loss(restored.float(), batch.target)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss of step {step + 1} is {loss.item()}; go on from the last checkpoint "
                f"(--resume) with optimiser.rate below {recipe.optimiser.rate:g}"
            )
        run.optimiser.zero_grad()
        loss.backward()
        run.optimiser.step()
        run.average.update_parameters(run.network)
        done = step + 1
        journal.step(done, loss.item(), rate, waited, time.perf_counter() - began)
        if benchmark and (done % watch.validate_every == 0 or done == steps):
            report = validate(run.average.module, run.network.limits, benchmark, recipe)
            best = max(best, report.mean["psnr"])
            journal.score(done, report, best)
        if done % watch.save_every == 0 or done == steps:
            save(checkpoint, run, done, best)


def validate(network: nn.Module, limits: Limits, benchmark: Benchmark, recipe: Recipe) -> Report:
    """Score a network on a benchmark with the code behind `bigpicture evaluate`, in float32."""
    network.eval()
    device, scale = next(network.parameters()).device, recipe.validation_scale

    def restore(low: Tensor) -> Tensor:
        size = (low.shape[-2] * scale, low.shape[-1] * scale)
        return restore_any_colours(network, limits, low.to(device), size)

    report = evaluate(
        restore,
        benchmark,
        scale=scale,
        protocol=PROTOCOLS[recipe.watch.protocol],
        model=recipe.name,
    )
    network.train()
    return report


def _forward(network: Network, batch: Batch) -> Tensor:
    if batch.points is None:
        return network(batch.low)
    return network.query(batch.low, *batch.points)
