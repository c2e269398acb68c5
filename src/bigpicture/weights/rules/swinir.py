"""Settings of SwinIR's backbone from its tensors.

Not stored in tensors: `drop_path`, set as published to 0.1.
"""

from collections.abc import Mapping
from math import isqrt

from bigpicture.models.backbones.swinir import SwinIRSettings
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count

__all__ = ["MARK", "settings"]

MARK = "groups.0.blocks.0.attention.bias_table"


def settings(tensors: Mapping[str, Tensor]) -> SwinIRSettings:
    """Return the settings of the backbone that has `tensors`."""
    channels = len(tensors["first.weight"])
    groups = range(count(tensors, r"groups\.(\d+)\."))
    tables = [tensors[f"groups.{group}.blocks.0.attention.bias_table"] for group in groups]
    return SwinIRSettings(
        channels=channels,
        depths=tuple(count(tensors, rf"groups\.{group}\.blocks\.(\d+)\.") for group in groups),
        heads=tuple(table.shape[1] for table in tables),
        window=(isqrt(len(tables[0])) + 1) // 2,
        mlp_ratio=len(tensors["groups.0.blocks.0.mlp.0.weight"]) / channels,
        connection="3conv" if "last.0.weight" in tensors else "1conv",
    )
