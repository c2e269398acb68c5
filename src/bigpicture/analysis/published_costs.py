"""The papers' tables of costs: our counts, our counts by the paper's method, and the printed ones.

    "rgt-3" ──▶ Row, Row, …     one for each method of the table

Methods that are not implemented here have only their printed figures.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bigpicture.analysis.conventions import Convention, Counted, by_hooks, by_trace, of_head
from bigpicture.evaluate.published import Fact, facts, method_of
from bigpicture.models.catalog import SIZES
from bigpicture.models.network import NetworkSettings, weightless

__all__ = ["TABLES", "CostTable", "Row", "rows"]

_COSTS = ("parameters", "multiply_adds", "memory", "time")


@dataclass(frozen=True)
class CostTable:
    """A table of costs.

    Attributes:
        low: Height and width of the low-resolution picture.
        scale: Enlargement of each side.
        convention: How the paper counts.
        reason: What the paper's method misses or adds, in a sentence.
    """

    low: tuple[int, int]
    scale: int
    convention: Convention
    reason: str


TABLES: dict[str, CostTable] = {
    "cran-7": CostTable(
        (160, 160),
        2,
        by_hooks,
        "The paper's counter knows only modules and misses the kernels of CRAN's 20 CRACs.",
    ),
    "rgt-3": CostTable(
        (128, 128),
        4,
        by_trace,
        "The paper's counter adds 5 operations for each number that a layer norm normalises and 1 "
        "for each that channel attention averages, and the published code of RGT multiplies pairs "
        "of pixels from opposite borders, which it then excludes.",
    ),
    "ciaosr-7": CostTable(
        (192, 192),
        4,
        of_head,
        "The paper counts the parameters of heads, without the backbone (but 1.6 M for LIIF is "
        "about what LIIF has with EDSR-baseline; its head alone has 0.35 M).",
    ),
}
"""By the name of the file in `bigpicture.evaluate.published`."""


@dataclass(frozen=True)
class Row:
    """A method of a table.

    Attributes:
        method: The paper's name for the method.
        settings: Settings of our network of the same size, or None if there is none.
        counted: The network's costs, by the paper's method and complete.
        published: The printed figures, by metric.
    """

    method: str
    settings: NetworkSettings | None
    counted: Counted | None
    published: Mapping[str, Fact]


def rows(name: str) -> Iterator[Row]:
    """Yield a table's methods, counting their networks one by one.

    Args:
        name: One of `TABLES`.

    Raises:
        ValueError: If there is no such table, when the first row is requested.
    """
    if name not in TABLES:
        raise ValueError(f"no table of costs is called {name!r}; there are {', '.join(TABLES)}")
    table = TABLES[name]
    paper, _, number = name.rpartition("-")
    printed: dict[str, dict[str, Fact]] = {}
    for fact in facts():
        if (fact.paper, fact.table) == (paper, number) and fact.metric in _COSTS:
            printed.setdefault(fact.method, {})[fact.metric] = fact
    for method, published in printed.items():
        settings = _settings(method, table.scale)
        counted = None
        if settings is not None:
            counted = table.convention(weightless(settings), table.low)
        yield Row(method, settings, counted, published)


def _settings(method: str, scale: int) -> NetworkSettings | None:
    """Return the settings of the first size in the catalogue that is a method as published."""
    size = next((size for size in SIZES if method_of(size) == method), None)
    return None if size is None else SIZES[size](scale)
