"""Read the papers' tables, one file PAPER-TABLE.toml each, with the figures as printed.

    all × columns × rows ──▶ Fact, Fact, …     a figure and everything that is known about it

A table states what holds for all of its figures, for each column and for each row; for a figure,
the row takes precedence over the column, and the column over the table. `values` holds the printed
texts of a row: `-` where nothing is printed, and a `?` after a figure that cannot be right, for
which the row's `doubt` gives the reason. Figures are never corrected.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import Field

from bigpicture.config import ConfigError, Settings, parse

__all__ = ["UNITS", "Fact", "Paper", "facts", "papers"]

Setting = bool | int | float | str

_FOLDER = files("bigpicture.evaluate.published")

UNITS = {"psnr": "dB"}
"""Units by metric where the files give no `unit`; figures of other metrics are plain numbers."""


class Paper(Settings):
    """A paper that tables come from."""

    name: str
    title: str
    authors: str
    venue: str
    url: str


class Said(Settings):
    """What holds for the figures of a table, a column or a row."""

    method: str | None = None
    ensemble: bool | None = None
    set: str | None = None
    scale: int | float | None = None
    degradation: Literal["bi", "bd", "dn"] | None = None
    protocol: Literal["sr-y", "sr-rgb"] | None = None
    metric: str | None = None
    unit: str | None = None
    settings: dict[str, Setting] = Field(default_factory=dict)


class Row(Said):
    """A row of figures."""

    values: str
    doubt: str | None = None


class Table(Settings):
    """A table, as its file holds it."""

    paper: str
    table: str
    holds: str
    note: str | None = None
    all: Said = Said()
    columns: list[Said]
    rows: list[Row]


@dataclass(frozen=True)
class Fact:
    """A published figure.

    Attributes:
        paper: Key of the paper, see `papers`.
        table: Number of the table in the paper.
        method: The measured method, by the paper's name for it.
        metric: What the figure is: "psnr", "ssim", "parameters", "multiply_adds" …
        value: The figure as a number.
        printed: The figure as printed.
        unit: Unit of the figure, empty for plain numbers.
        ensemble: Whether it is the mean over the eight flips and rotations ("+").
        set: The benchmark set, None for figures that need no pictures.
        scale: Enlargement of each side.
        degradation: How low-resolution pictures were made.
        protocol: How pictures were compared, see `bigpicture.metrics.protocol`.
        settings: What an ablation changed; empty for the method as proposed.
        doubt: Why the figure cannot be right, None if nothing is wrong with it.
        note: A remark on the whole table.
    """

    paper: str
    table: str
    method: str
    metric: str
    value: float
    printed: str
    unit: str = ""
    ensemble: bool = False
    set: str | None = None
    scale: int | float | None = None
    degradation: str | None = None
    protocol: str | None = None
    settings: dict[str, Setting] = field(default_factory=dict)
    doubt: str | None = None
    note: str | None = None

    @property
    def source(self) -> str:
        """The paper and table, such as "CRAN, Table 4"."""
        return f"{papers()[self.paper].name}, Table {self.table}"


@cache
def papers() -> dict[str, Paper]:
    """Return the papers by their keys."""
    content = tomllib.loads((_FOLDER / "papers.toml").read_text("utf-8"))
    return {key: parse(paper, Paper, f"papers.toml: {key}") for key, paper in content.items()}


@cache
def facts() -> tuple[Fact, ...]:
    """Return every published figure, table by table, in printed order.

    Raises:
        ConfigError: If a file does not hold a table.
    """
    return tuple(fact for table in tables() for fact in _figures(table))


@cache
def tables() -> tuple[Table, ...]:
    """Return the tables, in the order of the papers and of the tables in each."""
    found = []
    for file in _FOLDER.iterdir():
        if file.name.endswith(".toml") and file.name != "papers.toml":
            table = parse(tomllib.loads(file.read_text("utf-8")), Table, file.name)
            if file.name != f"{table.paper}-{table.table}.toml" or table.paper not in papers():
                raise ConfigError(f"{file.name} says it is {table.paper}-{table.table}")
            found.append(table)
    order = list(papers())
    # Roman numerals up to V sort correctly as text: I < II < III < IV < V.
    return tuple(sorted(found, key=lambda table: (order.index(table.paper), table.table)))


def _figures(table: Table) -> Iterator[Fact]:
    for row in table.rows:
        values = row.values.split()
        if len(values) != len(table.columns):
            raise ConfigError(
                f"{table.paper}-{table.table}: {row.values!r} must be {len(table.columns)} values"
            )
        for column, text in zip(table.columns, values, strict=True):
            if text != "-":
                yield _fact(table, column, row, text)


def _fact(table: Table, column: Said, row: Row, text: str) -> Fact:
    said: dict[str, object] = {}
    settings: dict[str, Setting] = {}
    for each in (table.all, column, row):
        said |= each.model_dump(exclude={"settings", "values", "doubt"}, exclude_none=True)
        settings |= each.settings
    printed = text.removesuffix("?")
    missing = {"method", "metric"} - said.keys()
    if missing or (text != printed and row.doubt is None):
        lacking = ", ".join(sorted(missing)) or "doubt"
        raise ConfigError(f"{table.paper}-{table.table}: {text} of {row.values!r} has no {lacking}")
    return Fact(
        paper=table.paper,
        table=table.table,
        value=float(printed.replace(",", "")),
        printed=printed,
        settings=settings,
        doubt=None if text == printed else row.doubt,
        note=table.note,
        **({"unit": UNITS.get(str(said["metric"]), "")} | said),  # pyright: ignore[reportArgumentType]
    )
