"""Settings of LIIF's head from its tensors.

Not stored in tensors: `scale`, the default scale factor, set to 4.
"""

from collections.abc import Mapping

from bigpicture.models.heads.liif import LIIFSettings
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count

__all__ = ["MARK", "settings"]

MARK = "imnet.0.weight"


def settings(tensors: Mapping[str, Tensor]) -> LIIFSettings:
    """Return the settings of the head that has `tensors`."""
    layers = count(tensors, r"imnet\.(\d+)\.")  # linear layers and the activations between them
    return LIIFSettings(hidden=len(tensors[MARK]), depth=layers // 2)
