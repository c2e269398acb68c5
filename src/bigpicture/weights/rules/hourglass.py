"""Settings of U-HDN's backbone from its tensors.

Not stored in tensors: the activation's slope, IKM's form, and what a kernel learns from a batch.
These are set as in CoMoNet if there are biases, and else as in U-HDN. Other attention than IKM and
other blocks than the U are only recognised in files of our own, which state their settings.
"""

from collections.abc import Mapping
from dataclasses import replace

from bigpicture.layers.modulation import Modulation
from bigpicture.models.backbones.hourglass import HourglassSettings
from bigpicture.models.uhdn import comonet_s, uhdn
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import count

__all__ = ["MARK", "settings"]

MARK = "blocks.0.units.0.readers.0.weight"


def settings(tensors: Mapping[str, Tensor]) -> HourglassSettings:
    """Return the settings of the backbone that has `tensors`."""
    channels = len(tensors["first.weight"])
    units = count(tensors, r"blocks\.0\.units\.(\d+)\.")
    depths = tuple(
        count(tensors, rf"blocks\.0\.units\.{unit}\.readers\.(\d+)\.") for unit in range(units)
    )
    release = (comonet_s if "first.bias" in tensors else uhdn)(2).backbone
    assert isinstance(release, HourglassSettings)
    kernels = tensors[MARK]
    found = replace(
        release,
        channels=channels,
        growth=len(kernels) // depths[0],
        blocks=count(tensors, r"blocks\.(\d+)\."),
        depths=depths,
        modulation=replace(release.modulation, kernel=kernels.shape[-1]),
        bias="first.bias" in tensors,
    )
    return _with_thresholds(found, tensors)


def _with_thresholds(found: HourglassSettings, tensors: Mapping[str, Tensor]) -> HourglassSettings:
    stem = "blocks.{}.units.{}.readers.0.threshold".format
    if stem(0, 0) not in tensors:
        plain = Modulation(attention="none", kernel=found.modulation.kernel)
        return replace(found, modulation=plain)
    values = tuple(
        tuple(tuple(tensors[stem(b, u)].tolist()) for u in range(len(found.depths)))
        for b in range(found.blocks)
    )
    if all(len(unit) == depth for unit, depth in zip(values[0], found.depths, strict=True)):
        return replace(found, thresholds=values)
    return replace(found, modulation=replace(found.modulation, threshold=values[0][0][0]))
