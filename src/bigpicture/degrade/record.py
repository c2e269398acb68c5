"""A record of a picture's degradation: a small JSON text that suffices to repeat it.

    draw(kind, scale, generator) ──▶ Record ──apply──▶ low-resolution picture
    Record ⇄ JSON

The JSON names every number that was drawn, so records can be read, and also written by hand:

    {"scale": 4, "degradation": {"kind": "dn", "seed": 5, "sigma": 30}}
    {"scale": 4, "degradation": {"kind": "bsrgan", "steps": [{"kind": "blur", "kernel": …}, …]}}
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import torch
from pydantic import Field, TypeAdapter, ValidationError

from bigpicture.config import reason
from bigpicture.degrade.bd import bd
from bigpicture.degrade.bi import bi
from bigpicture.degrade.bsrgan import BSRGAN
from bigpicture.degrade.chain import Chain
from bigpicture.degrade.dn import DN
from bigpicture.degrade.realesrgan import RealESRGAN
from bigpicture.degrade.recorded import Recorded
from bigpicture.image.resize import Stored, StoredOut

__all__ = ["BD", "BI", "KINDS", "REALISTIC", "Kind", "Record", "draw"]

Kind = Literal["bi", "bd", "dn", "bsrgan", "realesrgan"]
KINDS: tuple[Kind, ...] = get_args(Kind)
REALISTIC: frozenset[Kind] = frozenset({"bsrgan", "realesrgan"})
"""Degradations that imitate real pictures; each training crop gets its own draw."""


@dataclass(frozen=True)
class BI(Recorded):
    """Bicubic downsampling; nothing is drawn."""

    kind: Literal["bi"] = "bi"

    def apply(self, high: Stored, scale: int | float) -> StoredOut:
        """Downsample a stored picture, see `bigpicture.degrade.bi`."""
        return bi(high, scale)


@dataclass(frozen=True)
class BD(Recorded):
    """Blur, then every r-th pixel; nothing is drawn."""

    kind: Literal["bd"] = "bd"

    def apply(self, high: Stored, scale: int | float) -> StoredOut:
        """Blur and subsample a stored picture, see `bigpicture.degrade.bd`.

        Raises:
            ValueError: If `scale` is not a positive odd number, or a side is shorter than it.
        """
        return bd(high, scale)


@dataclass(frozen=True)
class Record(Recorded):
    """A degradation with everything that was drawn for it.

    Attributes:
        scale: How many times smaller the result is.
        degradation: The degradation with its numbers.
    """

    scale: int | float
    degradation: Annotated[BI | BD | DN | Chain, Field(discriminator="kind")]

    def apply(self, high: Stored) -> StoredOut:
        """Return the low-resolution version of a stored picture (H, W, c), 8 or 16 bits.

        BI, BD and DN keep the bit depth, the others return 8 bits. On one machine, and with the
        same versions of the encoders and of PyTorch, the result is always the same, bit for bit.

        Raises:
            ValueError: If a side of the picture is shorter than the scale, or the degradation does
                not support this scale.
        """
        return self.degradation.apply(high, self.scale)

    def to_json(self) -> dict[str, Any]:
        """Return the record as an object that `json.dumps` accepts."""
        return _RECORDS.dump_python(self, mode="json")

    @classmethod
    def from_json(cls, content: object) -> "Record":
        """Return the record of an object that `to_json` returned, perhaps read from a file.

        Raises:
            ValueError: If `content` is not a record; the error names every invalid entry.
        """
        try:
            return _RECORDS.validate_python(content)
        except ValidationError as error:
            wrong = "; ".join(map(_explain, error.errors()))
            raise ValueError(f"this is no record of a degradation ({wrong})") from error


def _explain(problem: Mapping[str, Any]) -> str:
    place = ".".join(map(str, problem["loc"]))
    return f"{place}: {reason(problem)}" if place else reason(problem)


_RECORDS = TypeAdapter(Record)

_DRAW: dict[str, Callable[[torch.Generator, int | float, float], BI | BD | DN | Chain]] = {
    "bi": lambda generator, scale, webp: BI(),
    "bd": lambda generator, scale, webp: BD(),
    "dn": lambda generator, scale, webp: DN.draw(generator),
    "bsrgan": lambda generator, scale, webp: BSRGAN(webp=webp).draw(generator, scale),
    "realesrgan": lambda generator, scale, webp: RealESRGAN(webp=webp).draw(generator, scale),
}


def draw(kind: str, scale: int | float, generator: torch.Generator, *, webp: float = 0.0) -> Record:
    """Draw a degradation with the published probabilities.

    Args:
        kind: One of `KINDS`.
        scale: How many times smaller the result is, at least 1.
        generator: The source of all randomness.
        webp: Fraction of WebP among the compressions of `bsrgan` and `realesrgan`, which were
            published with JPEG alone.

    Raises:
        ValueError: If `kind` is unknown, or a number is out of its range.

    >>> record = draw("realesrgan", 4, torch.Generator().manual_seed(0))
    >>> Record.from_json(record.to_json()) == record
    True
    """
    if kind not in _DRAW:
        raise ValueError(f"kind is {kind!r}; give one of {', '.join(KINDS)}")
    if not 1 <= scale < math.inf:
        raise ValueError(f"scale is {scale}; give how many times smaller, at least 1")
    if not 0 <= webp <= 1:
        raise ValueError(f"webp is {webp}; give a share from 0 to 1")
    return Record(scale, _DRAW[kind](generator, scale, webp))
