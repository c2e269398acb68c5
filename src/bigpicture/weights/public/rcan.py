"""RCAN, as its authors share it (Zhang et al., 2018).

    sub_mean.*  head.0.*  body.G.body.B.body.{0,2}.*  body.G.body.B.body.3.conv_du.{0,2}.*
    body.G.body.20.*  body.10.*  tail.0.N.*  tail.1.*  add_mean.*

It is based on EDSR's code, so the layers around the groups have the same keys.
"""

from collections.abc import Mapping

from bigpicture.shapes import Tensor
from bigpicture.weights.public.edsr import AROUND, normalised_as_stored
from bigpicture.weights.public.release import Converted, Release, rename
from bigpicture.weights.read import Tensors

__all__ = ["RELEASE"]

_BLOCK = r"body\.(\d+)\.body\.(\d+)\.body\."
_OURS = r"backbone.blocks.\1.body.\2.body."

_GROUPS = {
    _BLOCK + r"([02])\.(.+)": _OURS + r"\3.\4",
    _BLOCK + r"3\.conv_du\.(.+)": _OURS + r"3.excite.\3",
    r"body\.(\d+)\.body\.(\d+)\.(weight|bias)": r"backbone.blocks.\1.body.\2.\3",
}


def _matches(tensors: Mapping[str, Tensor]) -> bool:
    return "body.0.body.0.body.3.conv_du.0.weight" in tensors and "tail.1.weight" in tensors


def _convert(tensors: Tensors) -> Converted:
    return normalised_as_stored(rename(tensors, AROUND | _GROUPS), tensors)


RELEASE = Release(_matches, _convert)
