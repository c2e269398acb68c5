"""RGT, as its authors share it (Chen et al., 2023).

    conv_first.*  before_RG.1.*  layers.G.blocks.B.{norm1, attn, norm2, mlp, gamma}.*
    layers.G.conv.*  norm.*  conv_after_body.*  conv_before_upsample.0.*  upsample.N.*  conv_last.*

Masks and indices, which the authors' files hold, are made when they are needed instead. Colour
pictures in [0, 1] are normalised inside of the published network by DIV2K's mean, which it does not
store; gray ones are not.
"""

from collections.abc import Mapping

from bigpicture.layers.normalise import DIV2K_MEAN
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import Converted, Release, Tensors, rename

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
    colours = tensors["conv_first.weight"].shape[1]
    return Converted(
        rename(tensors, _RULES),
        mean=DIV2K_MEAN if colours == 3 else (0.0,),
        std=(1.0,) * colours,
    )


RELEASE = Release(_matches, _convert)
