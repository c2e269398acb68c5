"""Finds what was published about a set, a scale and a degradation under a protocol.

set, scale, degradation, protocol ──▶ rows: a method and its scores, the best first
"""

import re
from dataclasses import dataclass

from bigpicture.evaluate.published.read import Fact, facts

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
"""Names of folders → the papers' name of the set and its number of pictures."""

_METHODS = {
    "bicubic": "Bicubic",
    "cran": "CRAN",
    "uhdn": "U-HDN+IKM",
    "uhdn-l": "U-HDNL+IKM",
    "srgrn": "SRGRN",
    "ciaosr-edsr": "EDSR-baseline-CiaoSR",
    "ciaosr-rdn": "RDN-CiaoSR",
    "ciaosr-swinir": "SwinIR-CiaoSR",
    "rgt-s": "RGT-S",
    "rgt": "RGT",
    "edsr": "EDSR",
    "edsr-baseline": "EDSR-baseline",
    "rcan": "RCAN",
    "rdn": "RDN",
    "swinir": "SwinIR",
}
"""Sizes of our networks → the papers' names for them."""


@dataclass(frozen=True)
class Published:
    """What was published about a method on a set.

    Attributes:
        method: The paper's name for it, with "+" for the mean over flips and turns.
        scores: By metric.
        sources: The tables that print them.
    """

    method: str
    scores: dict[str, float]
    sources: tuple[str, ...]


def known_set(folder: str, pictures: int) -> str | None:
    """Return the papers' name of a set, None if name or number of pictures are another's.

    >>> known_set("BSDS100", 100), known_set("Set5", 4), known_set("cats", 5)
    ('B100', None, None)
    """
    name, count = _SETS.get(re.sub(r"[^a-z0-9]", "", folder.lower()), ("", 0))
    return name if name and pictures == count else None


def method_of(model: str) -> str | None:
    """Return the papers' name for one of our models, None for what they do not have.

    A light variant is a size of its own: its row is that of the method which it follows.

    >>> method_of("uhdn-x2"), method_of("rgt-light-x4"), method_of("ciaosr-edsr"), method_of("cat")
    ('U-HDN+IKM', 'RGT', 'EDSR-baseline-CiaoSR', None)
    """
    name = re.sub(r"-x[\d.]+(-b[di]|-dn)?$", "", model)
    while name and name not in _METHODS:
        name = name.rpartition("-")[0]
    return _METHODS.get(name)


def rows(
    set_name: str,
    *,
    scale: int | float,
    degradation: str,
    protocol: str,
    method: str | None = None,
    ensemble: bool | None = None,
) -> list[Published]:
    """Return the published scores on a set, those with the highest PSNR first.

    Ablations are left out, and figures that cannot be right. Tables that agree on a method are
    one row.

    Args:
        set_name: The papers' name of the set, see `known_set`.
        scale: Enlargement of each side.
        degradation: How low-resolution pictures were made: "bi", "bd" or "dn".
        protocol: The protocol's name.
        method: Only this method, see `method_of`.
        ensemble: Only with, or only without the mean over flips and turns.
    """
    wanted = (set_name, scale, degradation, protocol)
    by_table: dict[tuple[str, str, str], list[Fact]] = {}
    for fact in facts():
        if (fact.set, fact.scale, fact.degradation, fact.protocol) != wanted:
            continue
        if fact.settings or fact.doubt or fact.metric == "psnr_gain":
            continue
        if method in (None, fact.method) and ensemble in (None, fact.ensemble):
            name = fact.method + "+" * fact.ensemble
            by_table.setdefault((name, fact.paper, fact.table), []).append(fact)
    found: list[Published] = []
    for (name, _, _), group in by_table.items():
        _add(found, name, {fact.metric: fact.value for fact in group}, group[0].source)
    return sorted(found, key=lambda row: -row.scores.get("psnr", 0))


def _add(found: list[Published], name: str, scores: dict[str, float], source: str) -> None:
    """Add a table's row, to the row of another table that agrees with it if there is one."""
    for index, row in enumerate(found):
        shared = row.scores.keys() & scores.keys()
        related = shared or row.sources[0].split(",")[0] == source.split(",")[0]
        if row.method == name and related and all(row.scores[m] == scores[m] for m in shared):
            found[index] = Published(name, row.scores | scores, (*row.sources, source))
            return
    found.append(Published(name, scores, (source,)))
