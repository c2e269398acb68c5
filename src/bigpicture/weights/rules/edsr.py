"""Settings of EDSR's backbone from its tensors.

Not stored in tensors: `residual_scale`, set as published to 0.1 from 256 channels on and to 1
below; and the settings that `bigpicture.weights.rules.modulation` lists.
"""

from collections.abc import Mapping
from dataclasses import replace

from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count
from bigpicture.weights.rules.modulation import steering

__all__ = ["MARK", "settings"]

MARK = "blocks.0.body.0.weight"


def settings(tensors: Mapping[str, Tensor]) -> EDSRSettings:
    """Return the settings of the backbone that has `tensors`."""
    channels = len(tensors["first.weight"])
    blocks = count(tensors, r"blocks\.(\d+)\.")
    modulation, places = steering(tensors, [f"blocks.{b}.body." for b in range(blocks)])
    if modulation.attention == "none":
        modulation = replace(EDSRSettings().modulation, kernel=modulation.kernel)
    return EDSRSettings(
        channels=channels,
        blocks=blocks,
        residual_scale=0.1 if channels >= 256 else 1.0,
        modulation=modulation,
        places=places,
    )
