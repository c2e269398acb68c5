"""What networks need and take, as tables to print and as values for JSON.

Costed, Costed, … ──▶ Table, JSON         Row, Row, … of a paper's table ──▶ Table, JSON
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bigpicture.analysis.cost import Cost
from bigpicture.analysis.measure import Measured
from bigpicture.analysis.published_costs import TABLES, Row
from bigpicture.evaluate.formats import Table

__all__ = ["Costed", "costs_json", "costs_table", "published_json", "published_table"]

_NEEDS = ("parameters, M", "multiply-adds, G", "activations, M")
_TAKES = ("memory, MB", "seconds")
_NONE = "–"


@dataclass(frozen=True)
class Costed:
    """What a network needs for a picture.

    Attributes:
        name: Name of the network.
        scale: Enlargement of each side.
        low: Height and width of the low-resolution picture.
        cost: The counted costs.
        measured: The measured costs, if any.
    """

    name: str
    scale: float | int
    low: tuple[int, int]
    cost: Cost
    measured: Measured | None = None


def costs_table(costs: Sequence[Costed]) -> Table:
    """Return a table with one row per network."""
    measured = any(each.measured for each in costs)
    rows = [
        [
            each.name,
            f"×{each.scale:g}",
            f"{each.low[1]}×{each.low[0]}",
            *_needs(each.cost),
            *(_takes(each.measured) if measured else ()),
        ]
        for each in costs
    ]
    header = ["network", "scale", "picture", *_NEEDS, *(_TAKES if measured else ())]
    return Table(header, rows, left=3)


def costs_json(costs: Sequence[Costed]) -> dict[str, Any]:
    """Return the same as values for JSON."""
    return {
        "networks": [
            {
                "name": each.name,
                "scale": each.scale,
                "picture": [each.low[1], each.low[0]],
                **asdict(each.cost),
                **_measured(each.measured),
            }
            for each in costs
        ]
    }


def published_table(
    name: str, rows: Sequence[Row], measured: Mapping[str, Measured] | None = None
) -> Table:
    """Return a paper's table: our counts, our counts by the paper's method, and the printed ones.

    Args:
        name: One of `TABLES`.
        rows: The table's methods, counted.
        measured: The measured costs, by method.
    """
    table = TABLES[name]
    printed = list(dict.fromkeys(metric for row in rows for metric in row.published))
    units = {f.metric: f.unit for row in rows for f in row.published.values()}
    takes = _TAKES if measured else ()
    cells = []
    for row in rows:
        counted, own = row.counted, (measured or {}).get(row.method)
        needs = [_NONE] * 5
        if counted is not None:
            needs = [*_needs(counted.true), _M(counted.parameters), _G(counted.multiply_adds)]
        taken = _takes(own) if takes else ()
        published = (row.published.get(metric) for metric in printed)
        texts = [_NONE if fact is None else fact.printed for fact in published]
        cells.append([row.method, *needs[:3], *taken, *needs[3:], *texts])
    header = [
        "method",
        *(*_NEEDS, *takes, *_NEEDS[:2]),
        *(f"{metric.replace('_', '-')}, {units[metric]}" for metric in printed),
    ]
    groups = [("", 1), ("ours", 3 + len(takes)), ("as the paper counts", 2), *_over(printed)]
    height, width = table.low
    title = f"{_source(rows)}: a picture of {width}×{height}, enlarged ×{table.scale}"
    return Table(header, cells, groups=groups, title=title)


def published_json(
    name: str, rows: Sequence[Row], measured: Mapping[str, Measured] | None = None
) -> dict[str, Any]:
    """Return the same as values for JSON."""
    table = TABLES[name]
    found = []
    for row in rows:
        own: dict[str, Any] = {"method": row.method}
        if row.counted is not None:
            seen = {key: getattr(row.counted, key) for key in ("parameters", "multiply_adds")}
            own |= asdict(row.counted.true) | {"as_the_paper_counts": seen}
        own |= _measured((measured or {}).get(row.method))
        own["published"] = {
            metric: {"value": fact.value, "unit": fact.unit}
            for metric, fact in row.published.items()
        }
        found.append(own)
    return {
        "table": name,
        "source": _source(rows),
        "picture": [table.low[1], table.low[0]],
        "scale": table.scale,
        "reason": table.reason,
        "methods": found,
    }


def _source(rows: Sequence[Row]) -> str:
    return next(fact.source for row in rows for fact in row.published.values())


def _over(printed: Sequence[str]) -> list[tuple[str, int]]:
    return [("printed", len(printed))] if printed else []


def _needs(cost: Cost) -> list[str]:
    return [_M(cost.parameters), _G(cost.multiply_adds), _M(cost.activations)]


def _takes(measured: Measured | None) -> list[str]:
    if measured is None:
        return [_NONE, _NONE]
    memory = _NONE if measured.memory is None else f"{measured.memory / 1e6:,.0f}"
    return [memory, f"{measured.seconds:.3f}"]


def _measured(measured: Measured | None) -> dict[str, Any]:
    return {} if measured is None else asdict(measured)


def _M(count: int) -> str:  # noqa: N802 - the unit
    return f"{count / 1e6:,.2f}"


def _G(count: int) -> str:  # noqa: N802
    return f"{count / 1e9:,.2f}"
