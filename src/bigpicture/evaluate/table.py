"""Reports as tables: a row for each picture, or a row for each model, with published figures.

Report ──▶ pictures and their mean            several Reports ──▶ models, side by side over sets
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bigpicture.evaluate.formats import Table
from bigpicture.evaluate.run import Report
from bigpicture.metrics.catalog import PERCEPTUAL

__all__ = ["Line", "image_tables", "measured", "summary", "tidy", "where"]

_DIGITS = {"psnr": 2, "ssim": 4} | {name: m.digits for name, m in PERCEPTUAL.items()}
_TITLES = {"psnr": "PSNR", "ssim": "SSIM"} | {name: m.title for name, m in PERCEPTUAL.items()}


def image_tables(reports: Sequence[Report]) -> list[Table]:
    """Return the scores of each picture of a benchmark, for one model or several.

    Several models are columns, in one table per metric; after each but the first comes its
    difference from the first.

    Args:
        reports: Reports on the same pictures.

    Raises:
        ValueError: If there are no reports, or they are not of the same pictures.
    """
    first = _first(reports)
    names = [image.name for image in first.images]
    if any([image.name for image in report.images] != names for report in reports):
        raise ValueError("the reports are of different pictures; make a table for each set")
    rows = [[*names, "mean"]]
    if len(reports) == 1:
        scores = [*(image.scores for image in first.images), first.mean]
        cells = [[number(metric, each[metric]) for metric in first.mean] for each in scores]
        rows = [[name, *row] for name, row in zip(rows[0], cells, strict=True)]
        return [
            Table(["image", *map(title_of, first.mean)], rows, 1, (), (len(names),), _how(first))
        ]
    return [_side_by_side(reports, metric, rows[0]) for metric in first.mean]


def _side_by_side(reports: Sequence[Report], metric: str, names: Sequence[str]) -> Table:
    columns = [
        [*(image.scores[metric] for image in report.images), report.mean[metric]]
        for report in reports
    ]
    header, shown = ["image"], [list(names)]
    for index, (report, column) in enumerate(zip(reports, columns, strict=True)):
        header.append(report.model)
        shown.append([number(metric, value) for value in column])
        if index:
            header.append("Δ")
            pairs = zip(column, columns[0], strict=True)
            shown.append([difference(metric, value, first) for value, first in pairs])
    title = f"{title_of(metric)}, {where(reports[0])}"
    rows = list(zip(*shown, strict=True))
    return Table(header, rows, 1, (), (len(names) - 1,), title)


@dataclass(frozen=True)
class Line:
    """A row of a summary: a model's mean scores on several sets.

    Attributes:
        method: The model or published method.
        scale: Enlargement of each side.
        scores: The scores by set, then by metric.
        origin: "measured", "difference" (from another line), or the tables that published it.
    """

    method: str
    scale: int | float
    scores: Mapping[str, Mapping[str, float]]
    origin: str = "measured"


def measured(reports: Iterable[Report], *, differences: bool = False) -> list[Line]:
    """Return a line for each scale and model, with the means over each set.

    Args:
        reports: Reports in any order; the others are compared with the first model.
        differences: Add after each other model a line with its differences from the first.
    """
    lines: dict[tuple[int | float, str], dict[str, Mapping[str, float]]] = {}
    for report in reports:
        lines.setdefault((report.scale, report.model), {})[report.benchmark] = report.mean
    found: list[Line] = []
    first: dict[int | float, Line] = {}
    for (scale, model), scores in sorted(lines.items(), key=lambda item: item[0][0]):
        line = Line(model, scale, scores)
        reference = first.setdefault(scale, line)
        found.append(line)
        if differences and reference is not line:
            found.append(_difference(line, reference))
    return found


def summary(lines: Sequence[Line], title: str = "") -> Table:
    """Return a table of lines as papers print them: a column for each metric of each set.

    Raises:
        ValueError: If there are no lines.
    """
    if not lines:
        raise ValueError("lines is empty; give at least one")
    columns: dict[str, dict[str, None]] = {}
    for line in lines:
        if line.origin == "measured":
            for name, scores in line.scores.items():
                columns.setdefault(name, {}).update(dict.fromkeys(scores))
    sourced = any(line.origin not in ("measured", "difference") for line in lines)
    header = ["method", "scale", *(["source"] if sourced else [])]
    groups = [("", len(header)), *((name, len(metrics)) for name, metrics in columns.items())]
    left = len(header)
    header += [title_of(metric) for metrics in columns.values() for metric in metrics]
    rows, breaks = [], []
    for index, line in enumerate(lines):
        if index and line.scale != lines[index - 1].scale:
            breaks.append(index)
        show = signed if line.origin == "difference" else number
        source = {"measured": "here", "difference": ""}.get(line.origin, line.origin)
        cells = [line.method, f"×{line.scale:g}", *([source] if sourced else [])]
        for name, metrics in columns.items():
            scores = line.scores.get(name, {})
            cells += [show(m, scores[m]) if m in scores else "–" for m in metrics]
        rows.append(cells)
    return Table(header, rows, left, groups if any(columns) else (), breaks, title)


def tidy(reports: Sequence[Report]) -> Table:
    """Return every score of several reports in full precision, one row per picture.

    Raises:
        ValueError: If there are no reports, or they do not hold the same metrics.
    """
    metrics = _metrics(reports)
    header = ["model", "benchmark", "scale", "degradation", "protocol", "image", *metrics]
    rows = []
    for report in reports:
        how = [report.model, report.benchmark, f"{report.scale:g}"]
        how += [report.degradation or "", report.protocol]
        for image in report.images:
            rows.append([*how, image.name, *(repr(image.scores[m]) for m in metrics)])
        rows.append([*how, "mean", *(repr(report.mean[m]) for m in metrics)])
    return Table(header, rows, 6)


def title_of(metric: str) -> str:
    """Return a metric's name in tables."""
    return _TITLES.get(metric, metric)


def number(metric: str, value: float) -> str:
    """Format a score with its metric's number of digits.

    >>> number("psnr", 33.666), number("ssim", 0.93), number("psnr", math.inf), number("psnr", -3.0)
    ('33.67', '0.9300', '∞', '−3.00')
    """
    if math.isnan(value):
        return "–"
    digits = f"{abs(value):.{_DIGITS.get(metric, 4)}f}" if math.isfinite(value) else "∞"
    return f"−{digits}" if value < 0 and digits.strip("0.") else digits


def signed(metric: str, value: float) -> str:
    """Format a difference of scores, with its sign.

    >>> signed("psnr", 0.104), signed("psnr", -3.7), signed("ssim", -0.00001)
    ('+0.10', '−3.70', '0.0000')
    """
    if not math.isfinite(value):
        return "–"
    digits = number(metric, value)
    return f"+{digits}" if value > 0 and digits.strip("0.") else digits


def difference(metric: str, value: float, first: float) -> str:
    """Format the difference of a score from another, with its sign."""
    return signed(metric, value - first)


def _difference(line: Line, first: Line) -> Line:
    scores = {
        name: {m: value - first.scores[name][m] for m, value in values.items()}
        for name, values in line.scores.items()
        if name in first.scores
    }
    return Line(f"{line.method} − {first.method}", line.scale, scores, "difference")


def _metrics(reports: Sequence[Report]) -> list[str]:
    metrics = list(_first(reports).mean)
    if any(list(report.mean) != metrics for report in reports):
        raise ValueError("the reports hold different metrics; make a table for each kind")
    return metrics


def _first(reports: Sequence[Report]) -> Report:
    if not reports:
        raise ValueError("reports is empty; give at least one")
    return reports[0]


def _how(report: Report) -> str:
    return f"{report.model}, {where(report)}"


def where(report: Report) -> str:
    """Describe what a report's scores are of: the set, scale, degradation and protocol."""
    name = f"{report.benchmark}, " if report.benchmark else ""
    made = f", {report.degradation.upper()}" if report.degradation else ""
    how = "" if report.protocol == "none" else f", protocol {report.protocol}"
    return f"{name}×{report.scale:g}{made}{how}"
