"""Everything that learns in a run, before the first step."""

from typing import NamedTuple

import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler

from bigpicture.models.catalog import build
from bigpicture.models.network import Network
from bigpicture.train.adam import RecipeAdam
from bigpicture.train.adversary import Adversary
from bigpicture.train.average import running_average
from bigpicture.train.checkpoint import Run
from bigpicture.train.processes import Processes
from bigpicture.train.recipe import Recipe
from bigpicture.train.recompute import recompute_blocks
from bigpicture.weights.index import find
from bigpicture.weights.start import Fitted, load_fitting

__all__ = ["Start", "start"]


class Start(NamedTuple):
    """A run before its first step.

    Attributes:
        run: What learns.
        fitted: What the network took from `model.start`; None if that was not read.
    """

    run: Run
    fitted: Fitted | None


def start(recipe: Recipe, processes: Processes, *, goes_on: bool = False) -> Start:
    """Build what a recipe trains.

    Args:
        recipe: The recipe.
        processes: The processes that take part.
        goes_on: Whether a checkpoint will be loaded, so that `model.start`, which may be gone by
            then, is not needed.

    Raises:
        ValueError: If the network cannot be built, or cannot start from the given weights.
    """
    torch.manual_seed(recipe.data.seed)
    model = recipe.model
    changes = {"backbone": model.backbone, "head": model.head}
    network = build(model.size, model.scale, model.attention, changes)
    if recipe.data.scales is not None and not network.limits.any_scale:
        raise ValueError(f"data.scales is given, but {model.size} renders one scale only")
    fitted = None
    if model.start is not None and not goes_on:
        fitted = load_fitting(network, find(model.start))
    network = _placed(network, recipe, processes)
    average = running_average(network, recipe.optimiser.ema)
    if recipe.precision.recompute:
        recompute_blocks(network.backbone)
    settings, device = recipe.optimiser, processes.device
    optimiser = RecipeAdam(network.parameters(), lr=settings.rate, betas=settings.betas)
    scaler = GradScaler(device.type, enabled=recipe.precision.numbers == "fp16")
    colours, game = network.settings.colours, recipe.losses.adversarial
    adversary = None if game is None else Adversary(game, colours, settings.rate, device)
    return Start(Run(network, average, optimiser, scaler, adversary), fitted)


def _placed(network: Network, recipe: Recipe, processes: Processes) -> Network:
    if processes.count > 1 and processes.device.type == "cuda":
        # CRAN normalises over the batch, that is, all of it; CPUs have no such operator
        nn.SyncBatchNorm.convert_sync_batchnorm(network)
    network.to(processes.device)
    if recipe.precision.channels_last:
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return network
