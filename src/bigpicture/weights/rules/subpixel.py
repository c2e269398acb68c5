"""Settings of the sub-pixel head from its tensors.

Not stored in tensors: `expansion` at ×1, where no layer expands the features.
"""

from collections.abc import Mapping
from math import isqrt, prod

from bigpicture.models.heads.subpixel import Expansion, SubPixelSettings
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count

__all__ = ["MARK", "settings"]

MARK = "last.weight"


def settings(tensors: Mapping[str, Tensor]) -> SubPixelSettings:
    """Return the settings of the head that has `tensors`."""
    width = tensors[MARK].shape[1]
    steps = [
        tensors[key]
        for key in (f"up.{i}.weight" for i in range(count(tensors, r"up\.(\d+)\.")))
        if key in tensors and tensors[key].shape[-1] == 3
    ]
    return SubPixelSettings(
        scale=prod(isqrt(len(step) // width) for step in steps),
        expansion=_expansion(tensors),
        width=width if "before.0.weight" in tensors else None,
    )


def _expansion(tensors: Mapping[str, Tensor]) -> Expansion:
    if "up.0.bias" in tensors:
        return "plain"
    # a 1×1 after each 3×3
    return "depthwise" if "up.1.weight" in tensors else "grouped"
