"""CoMoNet, the later release of IKM's authors (Huang et al., 2023).

    input.*  body.B.body.U.body.L.layer.0.{Conv2d.weight, threshold}  body.B.body.U.gate.0.Conv2d.*
    body.4.*  tail.0.*  tail.1.*

Each of its dense layers holds one kernel over all features before it; ours are stored by feature,
see `bigpicture.weights.public.dense_layout`. Transitions store a threshold too, which nothing
reads. Pictures are normalised outside the published network.
"""

import re
from collections.abc import Mapping

import torch

from bigpicture.models.uhdn import comonet_s
from bigpicture.shapes import Tensor
from bigpicture.weights.public.dense_layout import by_feature
from bigpicture.weights.public.release import Converted, Release, count
from bigpicture.weights.read import Tensors

__all__ = ["RELEASE"]


def _matches(tensors: Mapping[str, Tensor]) -> bool:
    return "body.0.body.0.body.0.layer.0.Conv2d.weight" in tensors


def _convert(tensors: Tensors) -> Converted:
    blocks = count(tensors, r"body\.(\d+)\.body\.")
    ours: Tensors = {}
    for theirs, stem in [("input", "first"), (f"body.{blocks}", "last")]:
        for kind in ("weight", "bias"):
            ours[f"backbone.{stem}.{kind}"] = tensors[f"{theirs}.{kind}"]
    for b in range(blocks):
        for u in range(count(tensors, rf"body\.{b}\.body\.(\d+)\.")):
            unit = _unit(tensors, f"body.{b}.body.{u}")
            ours |= {f"backbone.blocks.{b}.units.{u}.{key}": value for key, value in unit.items()}
    for key, value in tensors.items():
        if key.startswith("tail.0."):
            ours[f"head.up.{key.removeprefix('tail.0.')}"] = value
        elif key.startswith("tail.1."):
            ours[f"head.last.{key.removeprefix('tail.1.')}"] = value
    size = comonet_s(2)
    return Converted(_with_one_threshold(ours), size.mean, size.std)


def _unit(tensors: Tensors, stem: str) -> Tensors:
    depth = count(tensors, rf"{re.escape(stem)}\.body\.(\d+)\.")
    layers = [f"{stem}.body.{i}.layer.0" for i in range(depth)]
    readers = by_feature([tensors[f"{layer}.Conv2d.weight"] for layer in layers])
    ours = {f"readers.{j}.weight": kernels for j, kernels in enumerate(readers)}
    if f"{layers[0]}.threshold" in tensors:
        thresholds = torch.cat([tensors[f"{layer}.threshold"].flatten() for layer in layers])
        ours |= {f"readers.{j}.threshold": thresholds[j:] for j in range(depth)}
    for kind in ("weight", "bias"):
        ours[f"transition.{kind}"] = tensors[f"{stem}.gate.0.Conv2d.{kind}"]
    return ours


def _with_one_threshold(ours: Tensors) -> Tensors:
    """If all layers share one threshold, store it once per reader, which then gathers once."""
    keys = [key for key in ours if key.endswith(".threshold")]
    values = torch.cat([ours[key] for key in keys]).unique() if keys else torch.empty(0)
    return ours | {key: values.clone() for key in keys} if len(values) == 1 else ours


RELEASE = Release(_matches, _convert)
