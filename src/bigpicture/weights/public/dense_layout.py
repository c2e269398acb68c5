"""Conversion of a dense unit's kernels, from one per layer to one per feature.

A published dense layer i holds one kernel over all features before it, `W_i` (g, c + i·g, k, k).
Our units store, for each feature, the kernels of all layers that read it
(`bigpicture.layers.dense`), so reader j stacks the slices of W_j, W_j₊₁, … that belong to feature
j. Values do not change.
"""

from collections.abc import Sequence

import torch

from bigpicture.shapes import Tensor

__all__ = ["by_feature"]


def by_feature(kernels: Sequence[Tensor]) -> list[Tensor]:
    """Return the kernels of a dense unit's readers, one per feature, from those of its layers."""
    growth, channels = kernels[0].shape[:2]
    bounds = [0] + [channels + growth * j for j in range(len(kernels))]
    return [
        torch.cat([layer[:, bounds[j] : bounds[j + 1]] for layer in kernels[j:]])
        for j in range(len(kernels))
    ]
