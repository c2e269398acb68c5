"""Settings of the nearest-neighbour head from its tensors, which reveal all of them."""

from collections.abc import Mapping

from bigpicture.models.heads.nearest import NearestSettings
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count

__all__ = ["MARK", "settings"]

MARK = "hr.weight"


def settings(tensors: Mapping[str, Tensor]) -> NearestSettings:
    """Return the settings of the head that has `tensors`."""
    return NearestSettings(scale=2 ** count(tensors, r"up\.(\d+)\."), width=len(tensors[MARK]))
