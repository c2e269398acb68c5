"""`[model]`: the network to train, and the weights that it starts from."""

from typing import Any

from pydantic import Field, PositiveInt

from bigpicture.config import Settings
from bigpicture.layers.modulation import Attention

__all__ = ["ModelPart"]


class ModelPart(Settings):
    """The network to train, and the weights that it starts from."""

    size: str = Field(description="A published size, see the guide's table of networks.")
    scale: PositiveInt | None = Field(
        default=None,
        description="Scale factor. Leave it out for a network that renders any scale.",
    )
    attention: Attention | None = Field(
        default=None,
        description="Attention to use in place of the size's own. IKM adds no parameters, so it "
        "can be added to trained weights.",
    )
    backbone: dict[str, Any] = Field(
        default={},
        description="Settings of the backbone that differ from those of the size, such as "
        "{ channels = 48 }. A backbone of another kind starts from the defaults of that kind.",
    )
    head: dict[str, Any] = Field(
        default={}, description="Settings of the head that differ from those of the size."
    )
    start: str | None = Field(
        default=None,
        description="Weights to start from: the name of a shipped network, or a file. Tensors that "
        "fit the network are loaded.",
    )
