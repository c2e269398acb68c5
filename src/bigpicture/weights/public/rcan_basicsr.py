"""RCAN, as BasicSR shares it.

    conv_first.*  body.G.residual_group.B.rcab.{0,2}.*
    body.G.residual_group.B.rcab.3.attention.{1,3}.*  body.G.conv.*
    conv_after_body.*  upsample.N.*  conv_last.*

Pictures are normalised as in BasicSR's EDSR.
"""

from collections.abc import Mapping

from bigpicture.layers.normalise import DIV2K_MEAN
from bigpicture.shapes import Tensor
from bigpicture.weights.public.edsr_basicsr import AROUND
from bigpicture.weights.public.release import Converted, Release, count, rename
from bigpicture.weights.read import Tensors

__all__ = ["RELEASE"]

_BLOCK = r"body\.(\d+)\.residual_group\.(\d+)\.rcab\."
_OURS = r"backbone.blocks.\1.body.\2.body."


def _matches(tensors: Mapping[str, Tensor]) -> bool:
    return "body.0.residual_group.0.rcab.0.weight" in tensors


def _convert(tensors: Tensors) -> Converted:
    blocks = count(tensors, r"body\.0\.residual_group\.(\d+)\.")
    rules = AROUND | {
        _BLOCK + r"([02])\.(.+)": _OURS + r"\3.\4",
        # there, index 0 is the pooling before the two convolutions
        _BLOCK + r"3\.attention\.1\.(.+)": _OURS + r"3.excite.0.\3",
        _BLOCK + r"3\.attention\.3\.(.+)": _OURS + r"3.excite.2.\3",
        r"body\.(\d+)\.conv\.(.+)": rf"backbone.blocks.\1.body.{blocks}.\2",
    }
    return Converted(rename(tensors, rules), DIV2K_MEAN, (1 / 255,) * 3)


RELEASE = Release(_matches, _convert)
