"""Tensors → the settings of the network that they belong to: the file is enough.

A rule a backbone and a rule a head look at keys and shapes alone (`bigpicture.weights.rules`).
What leaves no trace in them is as the release has it that the other settings are of; our own files
also state their settings (`bigpicture.weights.file`).
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

# a head's mark may be a key that another head has too, so the order matters
_BACKBONES: tuple[ModuleType, ...] = (hourglass, edsr, rcan, rdn, swinir, rgt)
_HEADS: tuple[ModuleType, ...] = (implicit, liif, graph, nearest, direct, subpixel)


def to_our_keys(tensors: Mapping[str, Tensor], name: str) -> Converted:
    """Return `tensors` under the keys of this package; those that are known already as they are.

    Raises:
        WeightsError: If a tensor that its release always has is missing, or it is of a network of
            the release's that is none of ours.
    """
    for title, release in RELEASES.items():
        if release.matches(tensors):
            found = _reading(f"{name}: {title}", "", lambda r=release: r.convert(dict(tensors)))
            return found._replace(release=title)
    return Converted(dict(tensors))


def detect(converted: Converted, name: str) -> NetworkSettings:
    """Return the settings of the network that tensors, under our keys, belong to.

    Args:
        converted: Tensors by key, and how the network's pictures are normalised.
        name: Where they are from, for errors.

    How pictures are normalised is as the release has it; of tensors that were under our keys
    before, as the nearest size of the catalogue has it. Where none is near, a warning says so.

    Raises:
        WeightsError: If no network has such tensors, or one has but some are missing.
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
        f"{settings.std} are assumed. Files that `bigpicture train` writes state what is so",
        stacklevel=4,
    )
    return settings


def _rule(rules: tuple[ModuleType, ...], tensors: Mapping[str, Tensor]) -> ModuleType | None:
    return next((rule for rule in rules if rule.MARK in tensors), None)


def _colours(backbone: Mapping[str, Tensor]) -> int:
    """Every backbone begins with a convolution of the picture, called `first`."""
    return backbone["first.weight"].shape[1]


def _reading(name: str, stem: str, read: Callable[[], S]) -> S:
    try:
        return read()
    except KeyError as error:
        raise WeightsError(f"{name}: tensor '{stem}{error.args[0]}' is missing") from error
    except WeightsError as error:
        raise WeightsError(f"{name}: {error}") from error
    except (ArithmeticError, IndexError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(f"{name}: tensors are misshapen ({error})") from error
