"""CiaoSR, as its authors share it (Cao et al., 2023), with the key names of MMEditing.

    imnet_{q, k, v}.layers.N.*  cs_attn.{conv_match_1, conv_match_2, conv_assembly}.{0, 1}.*
    cs_attn.{down, downx3, downx4}.*

and the keys of a backbone without its upsampler: EDSR and SwinIR as in BasicSR, RDN as in
MMEditing. Often, all have the prefix `generator.`. The mean of DIV2K, which the training code
subtracts outside the network, is not stored.
"""

from collections.abc import Callable, Mapping

from bigpicture.layers.normalise import DIV2K_MEAN
from bigpicture.shapes import Tensor
from bigpicture.weights.public import edsr_basicsr, rdn_basicsr, swinir
from bigpicture.weights.public.release import Converted, Release, bare, rename
from bigpicture.weights.read import Tensors

__all__ = ["RELEASE"]

_HEAD = {
    r"imnet_([qkv])\.layers\.(.+)": r"head.phi_\1.\2",
    r"cs_attn\.conv_match_1\.(.+)": r"head.non_local.match.\1",
    r"cs_attn\.conv_match_2\.(.+)": r"head.non_local.reference.\1",
    r"cs_attn\.conv_assembly\.(.+)": r"head.non_local.values.\1",
    r"cs_attn\.down\.(.+)": r"head.non_local.down.2.\1",
    r"cs_attn\.downx([34])\.(.+)": r"head.non_local.down.\1.\2",
    r"cs_attn\.escape_NaN": "",
    r"step_counter": "",
}

_BACKBONES: dict[str, Callable[[Tensors], Tensors]] = {
    "body.0.conv1.weight": lambda t: rename(t, edsr_basicsr.AROUND | edsr_basicsr.BLOCKS),
    "rdbs.0.layers.0.conv.weight": rdn_basicsr.our_keys,
    "layers.0.conv.weight": lambda t: rename(t, swinir.BACKBONE),
}
"""Maps a key that only one backbone has to the conversion of that backbone's keys."""


def _matches(tensors: Mapping[str, Tensor]) -> bool:
    return "imnet_v.layers.0.weight" in bare(tensors)


def _convert(tensors: Tensors) -> Converted:
    ours = rename(bare(tensors), _HEAD)
    backbone = {key: value for key, value in ours.items() if not key.startswith("head.")}
    head = {key: value for key, value in ours.items() if key not in backbone}
    for mark, our_keys in _BACKBONES.items():
        if mark in backbone:
            return Converted(our_keys(backbone) | head, mean=DIV2K_MEAN, std=(1.0,) * 3)
    raise KeyError(" or ".join(_BACKBONES))


RELEASE = Release(_matches, _convert)
