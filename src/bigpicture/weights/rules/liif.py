"""Keys of LIIF's head → its settings.

What leaves no trace: `scale`, what is made when no size is asked, which is 4.
"""

from collections.abc import Mapping

from bigpicture.models.heads.liif import LIIFSettings
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count

__all__ = ["MARK", "settings"]

MARK = "imnet.0.weight"


def settings(tensors: Mapping[str, Tensor]) -> LIIFSettings:
    """Return the settings of the head that has `tensors`."""
    layers = count(tensors, r"imnet\.(\d+)\.")  # activations lie between, so two for each but one
    return LIIFSettings(hidden=len(tensors[MARK]), depth=layers // 2)
