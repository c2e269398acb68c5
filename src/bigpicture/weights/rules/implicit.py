"""Keys of CiaoSR's head → its settings.

What leaves no trace: `scale`, what is made when no size is asked, which is 4.
"""

from collections.abc import Mapping

from bigpicture.models.heads.implicit import ImplicitSettings
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count

__all__ = ["MARK", "settings"]

MARK = "phi_v.0.weight"


def settings(tensors: Mapping[str, Tensor]) -> ImplicitSettings:
    """Return the settings of the head that has `tensors`."""
    layers = count(tensors, r"phi_v\.(\d+)\.")  # activations lie between, so two for each but one
    weights = tensors[f"phi_k.{layers - 1}.weight"]
    searched = range(count(tensors, r"non_local\.down\.(\d+)\."))
    return ImplicitSettings(
        hidden=len(tensors[MARK]),
        depth=layers // 2,
        ensemble="mlp" if len(weights) == 1 else "attention",
        non_local=tuple(s for s in searched if f"non_local.down.{s}.weight" in tensors),
    )
