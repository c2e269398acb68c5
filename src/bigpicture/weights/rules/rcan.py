"""Settings of RCAN's backbone, which CRAN shares, from its tensors.

Not stored in tensors: the settings that `bigpicture.weights.rules.modulation` lists.
"""

from collections.abc import Mapping

from bigpicture.models.backbones.rcan import RCANSettings
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count
from bigpicture.weights.rules.modulation import steering

__all__ = ["MARK", "settings"]

MARK = "blocks.0.body.0.body.0.weight"


def settings(tensors: Mapping[str, Tensor]) -> RCANSettings:
    """Return the settings of the backbone that has `tensors`."""
    blocks = count(tensors, r"blocks\.0\.body\.(\d+)\.body\.")
    modulation, places = steering(tensors, [f"blocks.0.body.{b}.body." for b in range(blocks)])
    return RCANSettings(
        channels=len(tensors["first.weight"]),
        groups=count(tensors, r"blocks\.(\d+)\."),
        blocks=blocks,
        modulation=modulation,
        places=places,
    )
