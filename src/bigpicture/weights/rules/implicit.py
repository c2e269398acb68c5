"""Settings of CiaoSR's head from its tensors.

Not stored in tensors: `scale`, the default scale factor, set to 4.
"""

from collections.abc import Mapping

from bigpicture.models.heads.implicit import ImplicitSettings
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count

__all__ = ["MARK", "settings"]

MARK = "phi_v.0.weight"


def settings(tensors: Mapping[str, Tensor]) -> ImplicitSettings:
    """Return the settings of the head that has `tensors`."""
    layers = count(tensors, r"phi_v\.(\d+)\.")  # linear layers and the activations between them
    weights = tensors[f"phi_k.{layers - 1}.weight"]
    searched = range(count(tensors, r"non_local\.down\.(\d+)\."))
    return ImplicitSettings(
        hidden=len(tensors[MARK]),
        depth=layers // 2,
        ensemble="mlp" if len(weights) == 1 else "attention",
        non_local=tuple(s for s in searched if f"non_local.down.{s}.weight" in tensors),
    )
