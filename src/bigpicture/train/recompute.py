"""Gradient checkpointing: the features inside a block are recomputed in the backward pass.

    x ──block──▶ y      kept for the backward pass: x

Memory then holds the inputs of the blocks and the features inside one. The result is bit-identical:
random draws are repeated, and batch normalisation counts each batch once.

Source: Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016.
    https://arxiv.org/abs/1604.06174
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from bigpicture.models.contract import Backbone

__all__ = ["blocks_of", "recompute_blocks"]


def recompute_blocks(backbone: Backbone) -> None:
    """Make each block of a backbone keep only its input for the backward pass."""
    for block in blocks_of(backbone):
        block.forward = _recomputed(block, block.forward)


def blocks_of(backbone: Backbone) -> list[nn.Module]:
    """Return the members of a backbone's `groups` or, where it has none, of its `blocks`.

    Raises:
        ValueError: If it has neither.
    """
    for name in ("groups", "blocks"):
        members = getattr(backbone, name, None)
        if isinstance(members, nn.ModuleList | nn.Sequential):
            return list(members)
    raise ValueError(
        f"precision.recompute is on, but the backbone {type(backbone).__name__} has no blocks"
    )


def _recomputed(block: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
    def forward_and_forget(*arguments: Any) -> Any:  # noqa: ANN401
        if not torch.is_grad_enabled():
            return forward(*arguments)
        return checkpoint(
            forward,
            *arguments,
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), _statistics_kept(block)),
        )

    return forward_and_forget


@contextmanager
def _statistics_kept(block: nn.Module) -> Iterator[None]:
    """Leave the running statistics of batch normalisation unchanged during a pass."""
    norms = [module for module in block.modules() if isinstance(module, _BatchNorm)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked = norm.num_batches_tracked.clone()
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, batches
