"""Tensors → the settings of the network that they belong to: the file is enough.

A rule a family looks at keys and shapes alone. Settings that leave no trace in them (an
activation's slope, which form IKM has, the colours' mean) are those of the release that the other
settings are of; our own files also state them (`bigpicture.weights.file`).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod

from bigpicture.layers.modulation import Modulation
from bigpicture.models.uhdn import UHDNSettings, comonet_s, uhdn
from bigpicture.shapes import Tensor
from bigpicture.weights.convert import count
from bigpicture.weights.errors import WeightsError

__all__ = ["detect"]


def detect(tensors: Mapping[str, Tensor], name: str) -> UHDNSettings:
    """Return the settings of the network that `tensors`, under our keys, belong to.

    Args:
        tensors: By key.
        name: Where they are from, for errors.

    Raises:
        WeightsError: If no family has such tensors, or one has but some are missing.
    """
    for key, settings in _RULES.items():
        if key in tensors:
            try:
                return settings(tensors)
            except (KeyError, IndexError, ValueError) as error:
                raise WeightsError(f"{name}: tensors are missing or misshapen ({error})") from error
    first = ", ".join(list(tensors)[:3])
    raise WeightsError(f"{name}: no known network has such tensors ({first}, …)")


def _uhdn(tensors: Mapping[str, Tensor]) -> UHDNSettings:
    channels, colours = tensors["trunk.first.weight"].shape[:2]
    units = count(tensors, r"trunk\.blocks\.0\.units\.(\d+)\.")
    depths = tuple(
        count(tensors, rf"trunk\.blocks\.0\.units\.{unit}\.readers\.(\d+)\.")
        for unit in range(units)
    )
    steps = [
        tensors[key]
        for key in (f"head.up.{i}.weight" for i in range(count(tensors, r"head\.up\.(\d+)\.")))
        if key in tensors and tensors[key].shape[-1] == 3
    ]
    release = comonet_s(2) if "head.up.1.weight" in tensors else uhdn(2)  # a 1×1 after each 3×3
    kernels = tensors["trunk.blocks.0.units.0.readers.0.weight"]
    modulation = replace(release.modulation, kernel=kernels.shape[-1])
    settings = replace(
        release,
        scale=prod(round((len(step) / channels) ** 0.5) for step in steps),
        colours=colours,
        channels=channels,
        growth=len(kernels) // depths[0],
        blocks=count(tensors, r"trunk\.blocks\.(\d+)\."),
        depths=depths,
        modulation=modulation,
        bias="trunk.first.bias" in tensors,
    )
    return _with_thresholds(settings, tensors)


def _with_thresholds(settings: UHDNSettings, tensors: Mapping[str, Tensor]) -> UHDNSettings:
    stem = "trunk.blocks.{}.units.{}.readers.0.threshold".format
    if stem(0, 0) not in tensors:
        plain = Modulation(attention="none", kernel=settings.modulation.kernel)
        return replace(settings, modulation=plain)
    values = tuple(
        tuple(tuple(tensors[stem(b, u)].tolist()) for u in range(len(settings.depths)))
        for b in range(settings.blocks)
    )
    if all(len(unit) == depth for unit, depth in zip(values[0], settings.depths, strict=True)):
        return replace(settings, thresholds=values)
    shared = replace(settings.modulation, threshold=values[0][0][0])
    return replace(settings, modulation=shared)


_RULES: dict[str, Callable[[Mapping[str, Tensor]], UHDNSettings]] = {
    "trunk.blocks.0.units.0.readers.0.weight": _uhdn,
}
"""A key that a family alone has → its rule."""
