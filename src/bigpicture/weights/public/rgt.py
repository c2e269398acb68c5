"""RGT, as its authors share it (Chen et al., 2023).

    conv_first.*  before_RG.1.*  layers.G.blocks.B.{norm1, attn, norm2, mlp, gamma}.*
    layers.G.conv.*  norm.*  conv_after_body.*  conv_before_upsample.0.*  upsample.N.*  conv_last.*

Masks and indices, which the authors' files hold, are dropped, as they are computed when needed. The
sides of the windows are read from `rpe_biases`, the offsets between two pixels of a window. The
published network itself subtracts DIV2K's mean from colour pictures in [0, 1], but not from gray
ones, and does not store it.
"""

import re
from collections.abc import Mapping

from bigpicture.shapes import Tensor
from bigpicture.weights.errors import WeightsError
from bigpicture.weights.public import swinir
from bigpicture.weights.public.release import Converted, Release, rename
from bigpicture.weights.read import Tensors

__all__ = ["RELEASE"]

_BLOCK = r"layers\.(\d+)\.blocks\.(\d+)\."
_OURS = r"backbone.groups.\1.blocks.\2."
_WINDOWS = _BLOCK + r"attn\.attns\.(\d)\."
_BIASES = _OURS + r"attention.biases.\3.layers."

_RULES = {
    r"conv_first\.(.+)": r"backbone.first.\1",
    r"before_RG\.1\.(.+)": r"backbone.before.\1",
    _BLOCK + r"(norm[12]\..+)": _OURS + r"\3",
    _BLOCK + "gamma": _OURS + "hai.gamma",
    _BLOCK + r"mlp\.fc1\.(.+)": _OURS + r"mlp.first.\3",
    _BLOCK + r"mlp\.sg\.(.+)": _OURS + r"mlp.gate.\3",
    _BLOCK + r"mlp\.fc2\.(.+)": _OURS + r"mlp.last.\3",
    _BLOCK + r"attn\.(qkv|q|k|v)\.(.+)": _OURS + r"attention.\3.\4",
    _BLOCK + r"attn\.(?:get_v|cpe)\.(.+)": _OURS + r"attention.position.\3",
    _BLOCK + r"attn\.proj\.(.+)": _OURS + r"attention.out.\3",
    _BLOCK + r"attn\.reduction1\.(.+)": _OURS + r"attention.reduce.\3",
    _BLOCK + r"attn\.dwconv\.(.+)": _OURS + r"attention.refine.\3",
    _BLOCK + r"attn\.conv\.(.+)": _OURS + r"attention.squeeze.\3",
    _BLOCK + r"attn\.norm_act\.0\.(.+)": _OURS + r"attention.norm.\3",
    _WINDOWS + r"pos\.pos_proj\.(.+)": _BIASES + r"0.\4",
    **{
        _WINDOWS + rf"pos\.pos{n}\.{inner}\.(.+)": _BIASES + rf"{3 * n - 2 + inner}.\4"
        for n in (1, 2, 3)
        for inner in (0, 2)
    },
    _BLOCK + r"attn\.(?:attn_mask_\d|attns\.\d\.(?:rpe_biases|relative_position_index))": "",
    r"layers\.(\d+)\.conv\.(.+)": r"backbone.groups.\1.last.\2",
    r"norm\.(.+)": r"backbone.after.\1",
    r"conv_after_body\.(.+)": r"backbone.last.\1",
    r"conv_before_upsample\.(.+)": r"head.before.\1",
    r"upsample\.(.+)": r"head.up.\1",
    r"conv_last\.(.+)": r"head.last.\1",
}


def _matches(tensors: Mapping[str, Tensor]) -> bool:
    return {"before_RG.1.weight", "layers.0.blocks.0.mlp.sg.conv.weight"} <= tensors.keys()


def _convert(tensors: Tensors) -> Converted:
    normalised = swinir.normalised_inside(tensors)
    return Converted(rename(tensors, _RULES), *normalised, backbone=_windows(tensors))


def _windows(tensors: Tensors) -> dict[str, tuple[int, int]]:
    """Return the setting of the windows, if the file holds the offsets between their pixels.

    Raises:
        WeightsError: If the windows of its blocks differ.
    """
    stated: dict[tuple[int, int], str] = {}
    for key, offsets in tensors.items():
        if match := re.fullmatch(_WINDOWS + "rpe_biases", key):
            height, width = _sides(key, tensors, offsets)
            # the second half of the channels swaps the sides
            stated.setdefault((height, width) if match[3] == "0" else (width, height), key)
    if len(stated) > 1:
        said = ", ".join(f"{height}×{width} ({key})" for (height, width), key in stated.items())
        raise WeightsError(
            f"its blocks use windows of different sizes, which is not supported: {said}"
        )
    return {"window": next(iter(stated))} if stated else {}


def _sides(key: str, tensors: Tensors, offsets: Tensor) -> tuple[int, int]:
    """Return height and width of the windows that have these offsets, checked against the index."""
    height, width = (int(farthest) + 1 for farthest in offsets.amax(0))
    beside = key.replace("rpe_biases", "relative_position_index")
    index = tensors.get(beside)
    if offsets.shape != ((2 * height - 1) * (2 * width - 1), 2):
        raise WeightsError(f"{key} {tuple(offsets.shape)} are not all offsets in {height}×{width}")
    if index is not None and index.shape != (height * width, height * width):
        raise WeightsError(f"{beside} {tuple(index.shape)} is not of windows of {height}×{width}")
    return height, width


RELEASE = Release(_matches, _convert)
