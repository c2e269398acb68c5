"""SwinIR, as its authors and BasicSR share it (Liang et al., 2021).

    conv_first.*  patch_embed.norm.*  layers.G.residual_group.blocks.B.{norm1, attn, norm2, mlp}.*
    layers.G.conv.*  norm.*  conv_after_body.*  conv_before_upsample.0.*  upsample.N.*  conv_last.*
    conv_up1.*  conv_up2.*  conv_hr.*

The keys tell which head a file has. Masks and indices, which some files hold, are dropped, as they
are computed when needed. The published network itself subtracts DIV2K's mean from colour pictures
in [0, 1], but not from gray ones, and does not store it.

The networks for denoising and JPEG artefacts, which have no upsampler and add their output to the
picture, are refused.
"""

from collections.abc import Mapping

from bigpicture.layers.normalise import DIV2K_MEAN
from bigpicture.shapes import Tensor
from bigpicture.weights.errors import WeightsError
from bigpicture.weights.public.release import Converted, Release, rename
from bigpicture.weights.read import Tensors

__all__ = ["BACKBONE", "RELEASE", "normalised_inside"]

_BLOCK = r"layers\.(\d+)\.residual_group\.blocks\.(\d+)\."
_OURS = r"backbone.groups.\1.blocks.\2."

BACKBONE: dict[str, str] = {
    r"conv_first\.(.+)": r"backbone.first.\1",
    r"patch_embed\.norm\.(.+)": r"backbone.before.\1",
    _BLOCK + r"(norm[12]\..+)": _OURS + r"\3",
    _BLOCK + r"attn\.(qkv\..+)": _OURS + r"attention.\3",
    _BLOCK + r"attn\.proj\.(.+)": _OURS + r"attention.out.\3",
    _BLOCK + r"attn\.relative_position_bias_table": _OURS + "attention.bias_table",
    _BLOCK + r"mlp\.fc1\.(.+)": _OURS + r"mlp.0.\3",
    _BLOCK + r"mlp\.fc2\.(.+)": _OURS + r"mlp.2.\3",
    _BLOCK + r"(attn_mask|attn\.relative_position_index)": "",
    r"layers\.(\d+)\.conv\.(.+)": r"backbone.groups.\1.last.\2",
    r"norm\.(.+)": r"backbone.after.\1",
    r"conv_after_body\.(.+)": r"backbone.last.\1",
}
"""Keys of the published backbone → ours, for `rename`."""

_HEAD = {
    r"conv_before_upsample\.(.+)": r"head.before.\1",
    r"upsample\.(.+)": r"head.up.\1",
    r"conv_up1\.(.+)": r"head.up.0.\1",
    r"conv_up2\.(.+)": r"head.up.1.\1",
    r"conv_hr\.(.+)": r"head.hr.\1",
    r"conv_last\.(.+)": r"head.last.\1",
}
_DIRECT_HEAD = {r"upsample\.0\.(.+)": r"head.expand.\1"}


def normalised_inside(tensors: Tensors) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of the network with these tensors; the same for RGT."""
    colours = tensors["conv_first.weight"].shape[1]
    return DIV2K_MEAN if colours == 3 else (0.0,), (1.0,) * colours


def _matches(tensors: Mapping[str, Tensor]) -> bool:
    block = "layers.0.residual_group.blocks.0.attn."
    return block + "relative_position_bias_table" in tensors and "conv_first.weight" in tensors


def _convert(tensors: Tensors) -> Converted:
    if not any(key.startswith(("upsample.", "conv_up1.")) for key in tensors):
        raise WeightsError("it has no upsampler; denoising and JPEG networks are not supported")
    direct = "conv_last.weight" not in tensors
    ours = rename(tensors, BACKBONE | (_DIRECT_HEAD if direct else _HEAD))
    return Converted(ours, *normalised_inside(tensors))


RELEASE = Release(_matches, _convert)
