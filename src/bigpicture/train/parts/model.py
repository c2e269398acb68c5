"""`[model]`: which network, and where its weights start."""

from typing import Any

from pydantic import Field, PositiveInt

from bigpicture.config import Settings
from bigpicture.layers.modulation import Attention

__all__ = ["ModelPart"]


class ModelPart(Settings):
    """Which network, and where its weights start."""

    size: str = Field(description="a published size, see the guide's table of networks")
    scale: PositiveInt | None = Field(
        default=None, description="enlargement; left out for a network that renders any"
    )
    attention: Attention | None = Field(
        default=None,
        description="in place of what the size has; IKM adds no parameter, so it can wait",
    )
    backbone: dict[str, Any] = Field(
        default={},
        description="what differs from the size's backbone, by name: { channels = 48 }; another "
        "kind begins with its own defaults",
    )
    head: dict[str, Any] = Field(default={}, description="what differs from the size's head")
    start: str | None = Field(
        default=None,
        description="weights to start from, a shipped name or a file; what fits is taken",
    )
