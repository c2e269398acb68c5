"""Settings of RDN's backbone from its tensors.

Not stored in tensors: the activation, set to ReLU; and the settings that
`bigpicture.weights.rules.modulation` lists.
"""

from collections.abc import Mapping

from bigpicture.models.backbones.rdn import RDNSettings
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count
from bigpicture.weights.rules.modulation import steering_of

__all__ = ["MARK", "settings"]

MARK = "second.weight"

_UNIT = "blocks.0.body"


def settings(tensors: Mapping[str, Tensor]) -> RDNSettings:
    """Return the settings of the backbone that has `tensors`."""
    depth = count(tensors, rf"{_UNIT}\.readers\.(\d+)\.")
    kernels = tensors[f"{_UNIT}.readers.0.weight"]
    return RDNSettings(
        channels=len(tensors[MARK]),
        growth=len(kernels) // depth,
        blocks=count(tensors, r"blocks\.(\d+)\."),
        depth=depth,
        modulation=steering_of(tensors, f"{_UNIT}.readers.0.", f"{_UNIT}.activations.0.1."),
    )
