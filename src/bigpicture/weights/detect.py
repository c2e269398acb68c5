"""Detection of a network's settings from its tensors, so that a weight file is enough.

There is one rule per backbone and per head, which looks at keys and shapes alone
(`bigpicture.weights.rules`). Settings that leave no trace in these are taken from the release that
the other settings match. Files of this package also state their settings
(`bigpicture.weights.file`).
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import TypeVar

from bigpicture.models.network import NetworkSettings
from bigpicture.shapes import Tensor
from bigpicture.weights.errors import WeightsError
from bigpicture.weights.public.catalog import RELEASES
from bigpicture.weights.public.release import Converted
from bigpicture.weights.rules import (
    direct,
    edsr,
    graph,
    hourglass,
    implicit,
    liif,
    nearest,
    normalisation,
    rcan,
    rdn,
    rgt,
    subpixel,
    swinir,
)

__all__ = ["detect", "to_our_keys"]

S = TypeVar("S")

# another head may have the key that marks a head, so the order matters
_BACKBONES: tuple[ModuleType, ...] = (hourglass, edsr, rcan, rdn, swinir, rgt)
_HEADS: tuple[ModuleType, ...] = (implicit, liif, graph, nearest, direct, subpixel)


def to_our_keys(tensors: Mapping[str, Tensor], name: str) -> Converted:
    """Return `tensors` under the keys of this package; unchanged if they match no public release.

    Raises:
        WeightsError: If a tensor that the release always has is missing, or the release's network
            is not supported.
    """
    for title, release in RELEASES.items():
        if release.matches(tensors):
            found = _reading(f"{name}: {title}", "", lambda r=release: r.convert(dict(tensors)))
            return found._replace(release=title)
    return Converted(dict(tensors))


def detect(converted: Converted, name: str) -> NetworkSettings:
    """Return the settings of the network to which tensors, under our keys, belong.

    Args:
        converted: Tensors by key, and how the network's pictures are normalised.
        name: Origin of the tensors, for error messages.

    The normalisation is that of the release, or, for tensors that already had our keys, that of the
    most similar size in the catalogue. If no size has the same kinds of backbone and head, the
    default is used, with a warning.

    Raises:
        WeightsError: If no known network has such tensors, or some of its tensors are missing.
    """
    tensors = converted.tensors
    backbone, head = (
        {key.removeprefix(stem): value for key, value in tensors.items() if key.startswith(stem)}
        for stem in ("backbone.", "head.")
    )
    backbone_rule, head_rule = _rule(_BACKBONES, backbone), _rule(_HEADS, head)
    if backbone_rule is None or head_rule is None:
        first = ", ".join(list(tensors)[:3])
        raise WeightsError(f"{name}: no known network has such tensors ({first}, …)")
    found = _reading(name, "backbone.", lambda: backbone_rule.settings(backbone))
    settings = NetworkSettings(
        replace(found, **converted.backbone),
        _reading(name, "head.", lambda: head_rule.settings(head)),
        colours=_reading(name, "backbone.", lambda: _colours(backbone)),
    )
    if converted.mean is not None and converted.std is not None:
        return replace(settings, mean=converted.mean, std=converted.std)
    return normalisation.normalised(settings) or _assumed(settings, name)


def _assumed(settings: NetworkSettings, name: str) -> NetworkSettings:
    warnings.warn(
        f"{name}: tensors do not tell how pictures are normalised, and no listed size has a "
        f"{settings.head.kind} head on {settings.backbone.kind}; mean {settings.mean} and std "
        f"{settings.std} are assumed. Files written by `bigpicture train` state their "
        "normalisation",
        stacklevel=4,
    )
    return settings


def _rule(rules: tuple[ModuleType, ...], tensors: Mapping[str, Tensor]) -> ModuleType | None:
    return next((rule for rule in rules if rule.MARK in tensors), None)


def _colours(backbone: Mapping[str, Tensor]) -> int:
    """Return the picture's channels: every backbone starts with a convolution called `first`."""
    return backbone["first.weight"].shape[1]


def _reading(name: str, stem: str, read: Callable[[], S]) -> S:
    try:
        return read()
    except KeyError as error:
        raise WeightsError(f"{name}: tensor '{stem}{error.args[0]}' is missing") from error
    except WeightsError as error:
        raise WeightsError(f"{name}: {error}") from error
    except (ArithmeticError, IndexError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(f"{name}: tensors have unexpected shapes ({error})") from error
