"""From a recipe's `[data]` to the source of its batches.

[data], scale ──decode once──▶ cached pictures ──▶ Patches, or Queries where there are scales
"""

import torch

from bigpicture.data.degraded import Degraded, Noisy
from bigpicture.data.loader import processors
from bigpicture.data.originals import Source
from bigpicture.data.patches import Patches
from bigpicture.data.photographs import Progress, Shrinking, prepare
from bigpicture.data.places import find_pairs, find_sources
from bigpicture.data.queries import Queries
from bigpicture.data.settings import DataPart
from bigpicture.degrade.record import REALISTIC

__all__ = ["choose_workers", "open_crops"]


def open_crops(
    data: DataPart, scale: int | None, progress: Progress = lambda done, total: None
) -> Patches | Queries:
    """Decode all pictures that are not in the cache yet, and return the source of batches.

    Args:
        data: The pictures, and how to crop them.
        scale: The scale of a network that has one; None where `data.scales` is given.
        progress: Called after each file or shard, with the number that are ready and their total.

    Raises:
        ValueError: If neither or both scales are given, the degradation does not support the scale,
            a folder is missing or empty, or pictures are missing, damaged or too small (all named).
    """
    data.check_scale(scale)
    degrade = _degradation(data)
    side = data.patch + (degrade.margin if isinstance(degrade, Degraded) else 0)
    greatest = data.scales.greatest if data.scales is not None else scale or 1
    shrinking = None
    if scale is not None and not isinstance(degrade, Degraded):
        (kind,) = data.degradation
        shrinking = Shrinking(scale, kind)
    smallest = round(side * greatest)
    photographs = prepare(_sources(data, scale), data.cache, smallest, shrinking, progress)
    crops = data.images, data.patch
    if data.scales is not None:
        points = None if data.points == "all" else data.points
        return Queries(photographs, data.scales, *crops, points, data.seed, degrade)
    assert scale is not None
    return Patches(photographs, scale, *crops, data.seed, degrade)


def choose_workers(data: DataPart, device: torch.device) -> int:
    """Return how many processes draw batches ahead: `data.workers`, or as many as needed.

    Cropping prepared pictures takes a few milliseconds a batch, which only a GPU would notice.
    Crops that BSRGAN and Real-ESRGAN degrade take 10 to 20 ms each (48² at ×4): one worker draws
    them while a CPU trains; beside a GPU, there is one for each other CPU, up to 8.
    """
    if data.workers is not None:
        return data.workers
    drawn = isinstance(_degradation(data), Degraded)
    if device.type == "cpu":
        return 1 if drawn else 0
    return max(1, min(8, processors() - 1)) if drawn else 1


def _sources(data: DataPart, scale: int | None) -> list[Source]:
    try:
        if not data.low:
            return [source for place in data.train for source in find_sources(place)]
        assert scale is not None, "there are no low-resolution pictures of many scales"
        pairs = zip(data.train, data.low, strict=True)
        return [source for high, low in pairs for source in find_pairs(high, low, scale)]
    except ValueError as error:
        keys = "data.train and data.low" if data.low else "data.train"
        raise ValueError(f"{keys}: {error}") from error


def _degradation(data: DataPart) -> Degraded | Noisy | None:
    if REALISTIC.issuperset(data.degradation):
        return Degraded(data.degradation, data.webp, data.margin, data.sharpen)
    return Noisy() if data.degradation == ("dn",) else None
