"""Public checkpoints' keys → ours. Values are kept; dense layers' kernels change places.

A public dense layer holds one kernel over all features before it, `W_i` (g, c + i·g, k, k). Ours
holds, for each feature, the kernels of all layers that read it (`bigpicture.layers.dense`), so
reader j stacks the slices of W_j … W_L that belong to feature j.
"""

import re
from collections.abc import Callable, Mapping

import torch

from bigpicture.shapes import Tensor

__all__ = ["to_our_keys"]

Tensors = dict[str, Tensor]


def to_our_keys(tensors: Mapping[str, Tensor]) -> Tensors:
    """Return `tensors` under the keys of this package; those that are known already as they are.

    Raises:
        KeyError: If a tensor that its release always has is missing.
    """
    for matches, convert in _RELEASES:
        if matches(tensors):
            return convert(dict(tensors))
    return dict(tensors)


def count(tensors: Mapping[str, Tensor], pattern: str) -> int:
    """Return one more than the greatest number that the group of `pattern` finds in the keys.

    >>> count({"body.0.x": torch.zeros(1), "body.11.x": torch.zeros(1)}, r"body[.]([0-9]+)[.]")
    12
    """
    found = [int(match[1]) for key in tensors if (match := re.match(pattern, key))]
    return max(found, default=-1) + 1


def _is_comonet(tensors: Mapping[str, Tensor]) -> bool:
    return "body.0.body.0.body.0.layer.0.Conv2d.weight" in tensors


def _comonet(tensors: Tensors) -> Tensors:
    """Convert CoMoNet, the later release of the authors of IKM (Huang et al., 2023)."""
    blocks = count(tensors, r"body\.(\d+)\.body\.")
    ours: Tensors = {}
    for theirs, stem in [("input", "first"), (f"body.{blocks}", "last")]:
        for kind in ("weight", "bias"):
            ours[f"trunk.{stem}.{kind}"] = tensors[f"{theirs}.{kind}"]
    for b in range(blocks):
        for u in range(count(tensors, rf"body\.{b}\.body\.(\d+)\.")):
            unit = _comonet_unit(tensors, f"body.{b}.body.{u}")
            ours |= {f"trunk.blocks.{b}.units.{u}.{key}": value for key, value in unit.items()}
    for key, value in tensors.items():
        if key.startswith("tail.0."):
            ours[f"head.up.{key.removeprefix('tail.0.')}"] = value
        elif key.startswith("tail.1."):
            ours[f"head.last.{key.removeprefix('tail.1.')}"] = value
    return _with_one_threshold(ours)


def _comonet_unit(tensors: Tensors, stem: str) -> Tensors:
    depth = count(tensors, rf"{re.escape(stem)}\.body\.(\d+)\.")
    layers = [f"{stem}.body.{i}.layer.0" for i in range(depth)]
    kernels = [tensors[f"{layer}.Conv2d.weight"] for layer in layers]
    growth, channels = kernels[0].shape[:2]
    bounds = [0] + [channels + growth * j for j in range(depth)]
    ours = {
        f"readers.{j}.weight": torch.cat([w[:, bounds[j] : bounds[j + 1]] for w in kernels[j:]])
        for j in range(depth)
    }
    if f"{layers[0]}.threshold" in tensors:
        thresholds = torch.cat([tensors[f"{layer}.threshold"].flatten() for layer in layers])
        ours |= {f"readers.{j}.threshold": thresholds[j:] for j in range(depth)}
    for kind in ("weight", "bias"):
        # a transition's own threshold is stored too, but nothing reads it
        ours[f"transition.{kind}"] = tensors[f"{stem}.gate.0.Conv2d.{kind}"]
    return ours


def _with_one_threshold(ours: Tensors) -> Tensors:
    """Where all layers have the same threshold, let a reader gather once for all of them."""
    keys = [key for key in ours if key.endswith(".threshold")]
    values = torch.cat([ours[key] for key in keys]).unique() if keys else torch.empty(0)
    return ours | {key: values.clone() for key in keys} if len(values) == 1 else ours


_RELEASES: list[tuple[Callable[[Mapping[str, Tensor]], bool], Callable[[Tensors], Tensors]]] = [
    (_is_comonet, _comonet),
]
