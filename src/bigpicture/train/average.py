"""The running average of a network's weights, which is the result of a run.

    average ← d·average + (1 − d)·weights,    d = min(decay, (1 + n) / (10 + n))  after n steps

With a constant decay of 0.999, a third of the random start would still be in the average after a
thousand steps; a growing decay forgets the start at once. After the first step, the average equals
the weights.
"""

from collections.abc import Iterable

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from bigpicture.shapes import Tensor

__all__ = ["running_average"]


def running_average(network: nn.Module, decay: float) -> AveragedModel:
    """Return the running average of `network`, which starts as a copy of it.

    Args:
        network: The network to average; its buffers are copied.
        decay: Share of the average that is kept at each step in the long run, in [0, 1).
    """

    @torch.no_grad()
    def update(averages: Iterable[Tensor], weights: Iterable[Tensor], steps: Tensor | int) -> None:
        n = int(steps)  # read once for all tensors: it waits for the GPU
        kept = min(decay, (1 + n) / (10 + n))
        for average, current in zip(averages, weights, strict=True):
            average.lerp_(current, 1 - kept)

    return AveragedModel(network, multi_avg_fn=update)
