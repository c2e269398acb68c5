"""EDSR, as BasicSR shares it.

    conv_first.*  body.N.{conv1, conv2}.*  conv_after_body.*  upsample.N.*  conv_last.*

The published network itself normalises pictures, to 0…255 minus DIV2K's mean, which its files do
not store.
"""

from collections.abc import Mapping

from bigpicture.layers.normalise import DIV2K_MEAN
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import Converted, Release, rename
from bigpicture.weights.read import Tensors

__all__ = ["AROUND", "BLOCKS", "RELEASE"]

AROUND: dict[str, str] = {
    r"conv_first\.(.+)": r"backbone.first.\1",
    r"conv_after_body\.(.+)": r"backbone.last.\1",
    r"upsample\.(.+)": r"head.up.\1",
    r"conv_last\.(.+)": r"head.last.\1",
}
"""Keys of the layers around the blocks → ours, for `rename`. RCAN's are the same."""

BLOCKS: dict[str, str] = {
    r"body\.(\d+)\.conv1\.(.+)": r"backbone.blocks.\1.body.0.\2",
    r"body\.(\d+)\.conv2\.(.+)": r"backbone.blocks.\1.body.2.\2",
}
"""Keys of the blocks → ours, for `rename`."""


def _matches(tensors: Mapping[str, Tensor]) -> bool:
    own = ("body.0.conv1.weight", "conv_after_body.weight", "upsample.0.weight")
    return all(key in tensors for key in own)


def _convert(tensors: Tensors) -> Converted:
    return Converted(rename(tensors, AROUND | BLOCKS), DIV2K_MEAN, (1 / 255,) * 3)


RELEASE = Release(_matches, _convert)
