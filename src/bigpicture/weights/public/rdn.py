"""RDN, as published for PyTorch in the repository of EDSR (Zhang et al., 2018).

    SFENet1  SFENet2  RDBs.N.convs.M.conv.0  RDBs.N.LFF  GFF.0  GFF.1  UPNet.N

Each of its dense layers holds one kernel over all features before it; ours are stored by feature,
see `bigpicture.weights.public.dense_layout`. The published network takes pictures in [0, 255] and
subtracts no mean. The repository's smaller configuration A does not load: unlike the paper's
network, it has fewer channels before the last convolution than in the body.
"""

import re
from collections.abc import Mapping

import torch

from bigpicture.shapes import Tensor
from bigpicture.weights.public.dense_layout import by_feature
from bigpicture.weights.public.release import Converted, Release, count, rename
from bigpicture.weights.read import Tensors

__all__ = ["RELEASE", "our_keys"]

_DENSE = r"RDBs\.(\d+)\.convs\.\d+\.conv\.0\.(weight|bias)"


def our_keys(tensors: Mapping[str, Tensor]) -> Tensors:
    """Return an RDN's tensors, or those of its backbone alone, under our keys."""
    rules = {
        r"SFENet1\.(.*)": r"backbone.first.\1",
        r"SFENet2\.(.*)": r"backbone.second.\1",
        r"RDBs\.(\d+)\.LFF\.(.*)": r"backbone.blocks.\1.body.transition.\2",
        r"GFF\.(.*)": r"backbone.fuse.\1",
        rf"UPNet\.{count(tensors, r'UPNet[.]([0-9]+)[.]') - 1}\.(.*)": r"head.last.\1",
        r"UPNet\.(.*)": r"head.up.\1",
        _DENSE: "",
    }
    ours = rename(tensors, rules)
    for block in range(count(tensors, _DENSE)):
        ours |= _readers(tensors, f"RDBs.{block}.convs", f"backbone.blocks.{block}.body.readers")
    return ours


def _readers(tensors: Mapping[str, Tensor], theirs: str, ours: str) -> Tensors:
    depth = count(tensors, rf"{re.escape(theirs)}\.(\d+)\.")
    kernels, biases = (
        [tensors[f"{theirs}.{layer}.conv.0.{kind}"] for layer in range(depth)]
        for kind in ("weight", "bias")
    )
    readers = {f"{ours}.{j}.weight": kernel for j, kernel in enumerate(by_feature(kernels))}
    return readers | {f"{ours}.0.bias": torch.cat(biases)}


def _matches(tensors: Mapping[str, Tensor]) -> bool:
    return "RDBs.0.convs.0.conv.0.weight" in tensors and "UPNet.0.weight" in tensors


def _convert(tensors: Tensors) -> Converted:
    return Converted(our_keys(tensors), mean=(0.0,), std=(1 / 255,))


RELEASE = Release(_matches, _convert)
