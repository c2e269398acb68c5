"""Settings of RGT's backbone from its tensors.

Not stored in tensors: windows, `drop_path` and the recursion of RG-SA. Where all other settings are
those of `rgt_light`, these are too; otherwise they are as published: windows of 8×32, `drop_path`
0.1, recursion. Without γ of HAI, blocks are assumed not to add their input (`none`, not `skip`).
Files of the authors state their windows.
"""

from collections.abc import Mapping
from dataclasses import replace

from bigpicture.models.backbones.rgt import RGTSettings
from bigpicture.models.rgt import rgt_light
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count

__all__ = ["MARK", "settings"]

MARK = "groups.0.blocks.0.mlp.gate.conv.weight"


def settings(tensors: Mapping[str, Tensor]) -> RGTSettings:
    """Return the settings of the backbone that has `tensors`."""
    channels = len(tensors["first.weight"])
    groups = range(count(tensors, r"groups\.(\d+)\."))
    block = "groups.0.blocks.{}.{}".format
    # the first group may have a single block, which attends to windows
    queries = [x for key, x in tensors.items() if key.endswith(".attention.q.weight")]
    found = RGTSettings(
        channels=channels,
        depths=tuple(count(tensors, rf"groups\.{group}\.blocks\.(\d+)\.") for group in groups),
        heads=2 * len(tensors[block(0, "attention.biases.0.layers.9.weight")]),
        mlp_ratio=len(tensors[block(0, "mlp.first.weight")]) / channels,
        connection="3conv" if "last.0.weight" in tensors else "1conv",
        attention="alternating" if queries else "local",
        integration="hai" if block(0, "hai.gamma") in tensors else "none",
        scaling=len(queries[0]) / channels if queries else 0.5,
    )
    light = rgt_light(2).backbone
    assert isinstance(light, RGTSettings)
    untraced = {"window": light.window, "drop_path": light.drop_path}
    return light if light == replace(found, **untraced) else found
