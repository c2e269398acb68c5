"""The degradations of benchmark tables, by name: the same in every run.

    (H, W, c), r ──"bi" | "bd" | "dn"──▶ (h, w, c)

Every measurement uses the same noise: DN's seed is a function of the picture, so the noise depends
neither on the other pictures nor on how often they are read.
"""

import zlib
from collections.abc import Callable
from typing import Literal

import numpy as np

from bigpicture.degrade.bd import bd
from bigpicture.degrade.bi import bi
from bigpicture.degrade.dn import DN

__all__ = ["STANDARD", "Degrade", "Standard"]

Degrade = Callable[[np.ndarray, int | float], np.ndarray]
"""An HR picture (H, W, c) of uint8 and the scale ↦ the LR picture (h, w, c) of uint8."""

Standard = Literal["bi", "bd", "dn"]


def _dn(high: np.ndarray, scale: int | float) -> np.ndarray:
    return DN(zlib.crc32(high.tobytes())).apply(high, scale)


STANDARD: dict[Standard, Degrade] = {"bi": bi, "bd": bd, "dn": _dn}
