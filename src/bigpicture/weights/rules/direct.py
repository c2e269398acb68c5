"""Settings of the direct head from its tensors, which reveal all of them."""

from collections.abc import Mapping
from math import isqrt

from bigpicture.models.heads.direct import DirectSettings
from bigpicture.shapes import Tensor

__all__ = ["MARK", "settings"]

MARK = "expand.weight"


def settings(tensors: Mapping[str, Tensor]) -> DirectSettings:
    """Return the settings of the head that has `tensors`."""
    pixels = len(tensors[MARK])
    # r² for gray or 3·r² for colour: no number is both
    scale = isqrt(pixels) if isqrt(pixels) ** 2 == pixels else isqrt(pixels // 3)
    return DirectSettings(scale=scale)
