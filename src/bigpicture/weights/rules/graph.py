"""Settings of the head with graph reasoning from its tensors.

Not stored in tensors: `normalize`, assumed to be true; and the nodes and reduction of modules that
are left out, set as published.
"""

from collections.abc import Mapping
from math import isqrt, prod

from bigpicture.models.heads.graph import GraphSettings
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count

__all__ = ["MARK", "settings"]

MARK = "to_picture.weight"


def settings(tensors: Mapping[str, Tensor]) -> GraphSettings:
    """Return the settings of the head that has `tensors`."""
    channels = tensors[MARK].shape[1]
    grum, grrb = "up.0.gamma" in tensors, "refine.gamma" in tensors
    stem = "up.{}.expand.weight" if grum else "up.{}.0.weight"
    steps = [tensors[stem.format(i)] for i in range(count(tensors, r"up\.(\d+)\."))]
    published = GraphSettings()
    nodes, reduction = published.nodes, published.reduction
    if grum:
        # the greatest α that gives the bottleneck its width
        reduction = channels // len(tensors["up.0.graph.widen.0.weight"])
    if grum or grrb:
        nodes = len(tensors["up.0.graph.relate.weight" if grum else "refine.graph.relate.weight"])
    return GraphSettings(
        scale=prod(isqrt(len(step) // channels) for step in steps),
        nodes=nodes,
        reduction=reduction,
        grum=grum,
        grrb=grrb,
    )
