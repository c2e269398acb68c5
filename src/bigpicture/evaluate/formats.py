"""Write a table as text for a terminal, as Markdown, LaTeX or CSV.

Table ──▶ lines
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["TABLE_FORMATS", "Table", "TableFormat", "written"]

TableFormat = Literal["text", "markdown", "latex", "csv"]


@dataclass(frozen=True)
class Table:
    """A table of formatted cells.

    Attributes:
        header: Title of each column.
        rows: Rows of as many cells as the header has.
        left: Number of columns from the left that are words; the others are numbers, aligned right.
        groups: Titles over neighbouring columns and how many each spans, from the left; Markdown
            and CSV put them before the titles of the columns.
        breaks: Indices of rows before which a rule is drawn, where the format has rules.
        title: Title of the table, empty for none.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1
    groups: Sequence[tuple[str, int]] = ()
    breaks: Sequence[int] = ()
    title: str = ""


def written(table: Table, kind: TableFormat) -> str:
    """Return a table as text in a format.

    >>> table = Table(["set", "PSNR"], [["Set5", "33.67"], ["Set14", "30.23"]])
    >>> print(written(table, "markdown"))
    | set   |  PSNR |
    |:------|------:|
    | Set5  | 33.67 |
    | Set14 | 30.23 |
    >>> print(written(table, "text"))
    set     PSNR
    ────────────
    Set5   33.67
    Set14  30.23
    """
    if kind != "csv":  # CSV quotes line breaks; the other formats show a space
        table = _on_lines(table)
    return TABLE_FORMATS[kind](table)


def _on_lines(table: Table) -> Table:
    """Replace line breaks in titles and cells, which file names may contain, by spaces."""
    header, *rows = ([_on_line(cell) for cell in row] for row in (table.header, *table.rows))
    groups = [(_on_line(title), count) for title, count in table.groups]
    title = _on_line(table.title)
    return replace(table, header=header, rows=rows, groups=groups, title=title)


def _on_line(text: str) -> str:
    return " ".join(text.splitlines())


def _text(table: Table) -> str:
    widths = _widths(table)
    head, rule = (
        _aligned(table.header, widths, table.left),
        "─" * (sum(widths) + 2 * len(widths) - 2),
    )
    lines = [table.title, ""] if table.title else []
    if table.groups:
        lines.append(_spanned(table.groups, widths))
    lines += ["  ".join(head).rstrip(), rule]
    for index, row in enumerate(table.rows):
        if index in table.breaks:
            lines.append(rule)
        lines.append("  ".join(_aligned(row, widths, table.left)).rstrip())
    return "\n".join(lines)


def _markdown(table: Table) -> str:
    header, *rows = (list(map(_plain, row)) for row in (_flat_header(table), *table.rows))
    widths = _widths(Table(header, rows, table.left))
    lines = [_plain(table.title), ""] if table.title else []
    lines.append(f"| {' | '.join(_aligned(header, widths, table.left))} |")
    rules = (
        f":{'-' * (w + 1)}" if i < table.left else f"{'-' * (w + 1)}:" for i, w in enumerate(widths)
    )
    lines.append(f"|{'|'.join(rules)}|")
    lines += [f"| {' | '.join(_aligned(row, widths, table.left))} |" for row in rows]
    return "\n".join(lines)


def _latex(table: Table) -> str:
    """Return a tabular environment with the rules of the package booktabs."""
    columns = "l" * table.left + "r" * (len(table.header) - table.left)
    lines = [f"% {table.title}"] if table.title else []
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    if table.groups:
        spans = [
            rf"\multicolumn{{{count}}}{{c}}{{{_escaped(title)}}}"
            if title
            else " & ".join([""] * count)
            for title, count in table.groups
        ]
        lines.append(" & ".join(spans) + r" \\")
    lines += [" & ".join(map(_escaped, table.header)) + r" \\", r"\midrule"]
    for index, row in enumerate(table.rows):
        if index in table.breaks:
            lines.append(r"\midrule")
        lines.append(" & ".join(map(_escaped, row)) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _csv(table: Table) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_flat_header(table))
    writer.writerows(table.rows)
    return file.getvalue().rstrip("\n")


TABLE_FORMATS = {"text": _text, "markdown": _markdown, "latex": _latex, "csv": _csv}


def _widths(table: Table) -> list[int]:
    widths = [max(map(len, column)) for column in zip(table.header, *table.rows, strict=True)]
    start = 0
    for title, count in table.groups:  # the columns must be as wide as their title
        lacking = len(title) - (sum(widths[start : start + count]) + 2 * (count - 1))
        widths[start + count - 1] += max(0, lacking)
        start += count
    return widths


def _aligned(cells: Sequence[str], widths: Sequence[int], left: int) -> list[str]:
    return [
        cell.ljust(width) if i < left else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]


def _spanned(groups: Sequence[tuple[str, int]], widths: Sequence[int]) -> str:
    parts, start = [], 0
    for title, count in groups:
        parts.append(title.center(sum(widths[start : start + count]) + 2 * (count - 1)))
        start += count
    return "  ".join(parts).rstrip()


def _flat_header(table: Table) -> list[str]:
    """Return the titles of columns, preceded by those of their groups."""
    over = [title for title, count in table.groups for _ in range(count)] or [""] * len(
        table.header
    )
    return [f"{group} {name}".strip() for group, name in zip(over, table.header, strict=True)]


# what Markdown would read as more than the character itself; numbers have none of these
_MARKDOWN = re.compile(r"[\\`*_<\[|~]|&(?=#?\w+;)")


def _plain(text: str) -> str:
    return _MARKDOWN.sub(r"\\\g<0>", text)


_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # at the start of a row, these would be read as arguments of the preceding \\
    "[": "{[}",
    "*": "{*}",
    "×": r"$\times$",
    "−": r"$-$",
    "Δ": r"$\Delta$",
    "∞": r"$\infty$",
}


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)
