"""Normalisation of pictures from a network's other settings, as tensors do not store it.

It is taken from the size in the catalogue, with the same kinds of backbone and head, that shares
the most settings.
"""

from dataclasses import replace

from bigpicture.models.catalog import SIZES
from bigpicture.models.network import NetworkSettings
from bigpicture.models.variant import to_plain

__all__ = ["normalised"]


def normalised(settings: NetworkSettings) -> NetworkSettings | None:
    """Return `settings` with mean and std of the most similar size; None if no size has its kinds.

    >>> from bigpicture.models.backbones.rcan import RCANSettings
    >>> from bigpicture.models.heads.subpixel import SubPixelSettings
    >>> found = normalised(NetworkSettings(RCANSettings(groups=2), SubPixelSettings()))
    >>> assert found.std == (1 / 255,) * 3
    """
    kinds = settings.backbone.kind, settings.head.kind
    sizes = [size(settings.scale) for size in SIZES.values()]
    alike = [size for size in sizes if (size.backbone.kind, size.head.kind) == kinds]
    if not alike:
        return None
    nearest = max(alike, key=lambda size: _agreement(size, settings))
    return replace(settings, mean=nearest.mean, std=nearest.std)


def _agreement(size: NetworkSettings, settings: NetworkSettings) -> int:
    """Return how many settings of backbone and head are equal."""
    pairs = zip(_parts(size), _parts(settings), strict=True)
    return sum(one == other for one, other in pairs)


def _parts(settings: NetworkSettings) -> list[object]:
    plain = to_plain(settings)
    return [*plain["backbone"].values(), *plain["head"].values()]
