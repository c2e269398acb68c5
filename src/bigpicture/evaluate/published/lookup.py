"""Look up published scores for sets, a scale and a degradation under a protocol.

set, scale, degradation, protocol ──▶ rows: a method and its scores, the best first
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bigpicture.evaluate.published.read import facts

__all__ = ["Published", "known_set", "method_of", "rows"]

_SETS = {
    "set5": ("Set5", 5),
    "set14": ("Set14", 14),
    "b100": ("B100", 100),
    "bsd100": ("B100", 100),
    "bsds100": ("B100", 100),
    "urban100": ("Urban100", 100),
    "manga109": ("Manga109", 109),
    "div2k": ("DIV2K", 100),
    "div2kvalid": ("DIV2K", 100),
    "div2kvalidhr": ("DIV2K", 100),
}
"""Folder names → the papers' name of the set and its number of pictures."""

_METHODS = {
    "bicubic": "Bicubic",
    "cran": "CRAN",
    "uhdn": "U-HDN+IKM",
    "uhdn-l": "U-HDNL+IKM",
    "srgrn": "SRGRN",
    "ciaosr-edsr": "EDSR-baseline-CiaoSR",
    "ciaosr-rdn": "RDN-CiaoSR",
    "ciaosr-swinir": "SwinIR-CiaoSR",
    "liif-edsr": "EDSR-baseline-LIIF",
    "liif-rdn": "RDN-LIIF",
    "liif-swinir": "SwinIR-LIIF",
    "rgt-s": "RGT-S",
    "rgt": "RGT",
    "edsr": "EDSR",
    "edsr-baseline": "EDSR-baseline",
    "rcan": "RCAN",
    "rdn": "RDN",
    "swinir": "SwinIR",
}
"""Published sizes → the papers' names for them. Our own light sizes have no published figures."""


@dataclass(frozen=True)
class Published:
    """The published scores of a method.

    Attributes:
        method: The paper's name for it, with "+" for the mean over flips and rotations.
        scores: The scores by set, then by metric.
        sources: The tables that print them.
    """

    method: str
    scores: dict[str, dict[str, float]]
    sources: tuple[str, ...]


def known_set(folder: str, pictures: int) -> str | None:
    """Return the papers' name of a set, or None if its name or number of pictures does not match.

    >>> known_set("BSDS100", 100), known_set("Set5", 4), known_set("cats", 5)
    ('B100', None, None)
    """
    name, count = _SETS.get(re.sub(r"[^a-z0-9]", "", folder.lower()), ("", 0))
    return name if name and pictures == count else None


def method_of(size: str) -> str | None:
    """Return the papers' name for a size of `bigpicture.models.SIZES`, or None if they lack it.

    >>> method_of("uhdn"), method_of("ciaosr-edsr"), method_of("rgt-light"), method_of("bicubic")
    ('U-HDN+IKM', 'EDSR-baseline-CiaoSR', None, 'Bicubic')
    """
    return _METHODS.get(size)


def rows(
    sets: Sequence[str],
    *,
    scale: int | float,
    degradation: str,
    protocol: str,
    methods: Collection[str] | None = None,
    ensemble: bool | None = None,
) -> list[Published]:
    """Return the published scores on sets, sorted by PSNR on the first set, the highest first.

    Ablations and figures that cannot be right are left out. Tables that agree on a method share a
    row; tables that disagree get separate rows.

    Args:
        sets: The papers' names of the sets, see `known_set`.
        scale: Enlargement of each side.
        degradation: How low-resolution pictures were made: "bi", "bd" or "dn".
        protocol: Name of the protocol.
        methods: Restrict the rows to these methods, see `method_of`; None for all.
        ensemble: Restrict the rows to those with (True) or without (False) the mean over flips and
            rotations; None for both.
    """
    by_table: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for fact in facts():
        wanted = fact.set in sets and (methods is None or fact.method in methods)
        same = (fact.scale, fact.degradation, fact.protocol) == (scale, degradation, protocol)
        if fact.set is None or not (wanted and same and ensemble in (None, fact.ensemble)):
            continue
        if not (fact.settings or fact.doubt or fact.metric == "psnr_gain"):
            row = by_table.setdefault((fact.method + "+" * fact.ensemble, fact.source), {})
            row.setdefault(fact.set, {})[fact.metric] = fact.value
    found: list[Published] = []
    for (name, source), scores in by_table.items():
        _add(found, Published(name, scores, (source,)))
    first = sets[0] if sets else ""
    return sorted(found, key=lambda row: -row.scores.get(first, {}).get("psnr", 0))


def _add(found: list[Published], row: Published) -> None:
    """Add a table's row, merged into the row of another table that agrees with it, if any."""
    for index, other in enumerate(found):
        shared = [
            (other.scores[name][metric], value)
            for name, scores in row.scores.items()
            for metric, value in scores.items()
            if metric in other.scores.get(name, {})
        ]
        related = shared or _paper(other.sources[0]) == _paper(row.sources[0])
        if other.method == row.method and related and all(a == b for a, b in shared):
            merged = {
                name: other.scores.get(name, {}) | row.scores.get(name, {})
                for name in other.scores | row.scores
            }
            found[index] = Published(row.method, merged, (*other.sources, *row.sources))
            return
    found.append(row)


def _paper(source: str) -> str:
    return source.partition(",")[0]
