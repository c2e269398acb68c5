"""A recipe's `[data]` becomes what batches are drawn from.

[data], scale ──decode once──▶ cached pictures ──▶ Patches, or Queries where there are scales
"""

import torch

from bigpicture.data.degraded import Degraded, Noisy
from bigpicture.data.loader import processors
from bigpicture.data.patches import Patches
from bigpicture.data.photographs import Progress, prepare
from bigpicture.data.queries import Queries
from bigpicture.data.settings import DataPart

__all__ = ["choose_workers", "open_crops"]


def open_crops(
    data: DataPart, scale: int | None, progress: Progress = lambda done, total: None
) -> Patches | Queries:
    """Decode all pictures that are not in the cache yet, and return what crops are drawn from.

    Args:
        data: Which pictures and crops.
        scale: Of a network that has one; None where `data.scales` says which.
        progress: Told how many pictures of how many are ready.

    Raises:
        ValueError: If neither or both have scales, the degradation cannot have the scale, a folder
            is missing or empty, or pictures are missing, damaged or too small: all are named.
    """
    if (scale is None) == (data.scales is None):
        raise ValueError("give model.scale, or, for a network that renders any scale, data.scales")
    degrade = _degradation(data)
    side = data.patch + (degrade.margin if isinstance(degrade, Degraded) else 0)
    if data.scales is not None:
        photographs = prepare(
            data.train, data.cache, None, round(side * data.scales.greatest), progress
        )
        return Queries(
            photographs, data.scales, data.images, data.patch, data.points, data.seed, degrade
        )
    assert scale is not None
    if isinstance(degrade, Degraded):
        photographs = prepare(data.train, data.cache, None, side * scale, progress)
    else:
        photographs = prepare(data.train, data.cache, scale, side, progress)
    return Patches(photographs, scale, data.images, data.patch, data.seed, degrade)


def choose_workers(data: DataPart, device: torch.device) -> int:
    """Return how many processes draw batches ahead, where `data.workers` does not say.

    Crops of what was prepared take a millisecond or two, which only a GPU would have to wait for;
    those that are degraded when drawn take one processor on the CPU and most of them beside a GPU.
    """
    if data.workers is not None:
        return data.workers
    drawn = isinstance(_degradation(data), Degraded) or data.scales is not None
    if device.type == "cpu":
        return 1 if drawn else 0
    return max(1, min(8, processors() - 1)) if drawn else 1


def _degradation(data: DataPart) -> Degraded | Noisy | None:
    if data.kinds in {("bsrgan",), ("realesrgan",)} or len(data.kinds) > 1:
        return Degraded(data.kinds, data.webp, data.margin)
    return Noisy() if data.kinds == ("dn",) else None
