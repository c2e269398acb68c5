"""The output of `bigpicture evaluate`: reports with the figures published for their sets.

reports ──▶ text, Markdown, LaTeX, CSV, JSON, a page
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bigpicture.evaluate import published
from bigpicture.evaluate.crops import Crop
from bigpicture.evaluate.formats import Table, written
from bigpicture.evaluate.page import page
from bigpicture.evaluate.run import Report
from bigpicture.evaluate.table import (
    Line,
    image_tables,
    measured,
    number,
    summary,
    tidy,
    title_of,
)

__all__ = ["Format", "Shown"]

Format = Literal["text", "markdown", "csv", "json", "latex"]


@dataclass(frozen=True)
class Shown:
    """Reports, ready to be shown.

    Attributes:
        reports: Reports on one or more models, sets and scales.
        methods: By model, the papers' name for its size; models without one are left out.
        ensemble: Whether restored pictures are means over flips and rotations.
        every: Show every method published for a set, not only the models' own rows.
        asked: Number of reports that were to be made.
        failed: Model, scale, set and error for each report that could not be made.
    """

    reports: Sequence[Report]
    methods: Mapping[str, str]
    ensemble: bool = False
    every: bool = False
    asked: int = 1
    failed: Sequence[Mapping[str, Any]] = ()

    def known(self, reports: Sequence[Report]) -> list[Line]:
        """Return what was published for the sets of some reports under the same conditions."""
        found: list[Line] = []
        for how in dict.fromkeys((r.scale, r.degradation, r.protocol) for r in reports):
            scale, degradation, protocol = how
            alike = [r for r in reports if (r.scale, r.degradation, r.protocol) == how]
            names = {published.known_set(r.benchmark, len(r.images)): r.benchmark for r in alike}
            if degradation is None or not (sets := [name for name in names if name]):
                continue
            own = {self.methods[r.model] for r in alike if r.model in self.methods}
            rows = published.rows(
                sets,
                scale=scale,
                degradation=degradation,
                protocol=protocol,
                methods=None if self.every else own,
                ensemble=None if self.every else self.ensemble,
            )
            for row in rows:
                scores = {names[name]: values for name, values in row.scores.items()}
                found.append(Line(row.method, scale, scores, "; ".join(row.sources)))
        return found

    def text(self, kind: Format) -> str:
        """Return everything in a format."""
        if kind == "json":
            return json.dumps(self.to_json(), indent=2)
        if kind == "csv":
            return written(tidy(self.reports), "csv")
        tables = [written(table, kind) for table in self.tables()]
        closing = ["\n".join(map(self._sentence, self.reports))] if kind == "text" else []
        return "\n\n".join([*tables, *closing])

    def to_json(self) -> dict[str, Any]:
        """Return an object for `json.dumps`.

        It is the report if only one was to be made; otherwise, reports are a list under "reports".
        Those that could not be made are a list under "failed", if there are any.
        """
        reports = [report.to_json() | self._published_json(report) for report in self.reports]
        several = max(self.asked, len(reports)) > 1
        content = {"reports": reports} if several else next(iter(reports), {})
        return content | ({"failed": list(self.failed)} if self.failed else {})

    def tables(self) -> list[Table]:
        """Return tables of single pictures if all reports share set and scale, and one of means."""
        cases = {(report.benchmark, report.scale) for report in self.reports}
        found = image_tables(self.reports) if len(cases) == 1 else []
        lines = self._lines()
        return found if len(lines) == 1 and found else [*found, self._summary(lines)]

    def page(self, crops: Sequence[Crop]) -> str:
        """Return an HTML page with the means, the pictures' scores, and crops."""
        models = list(dict.fromkeys(report.model for report in self.reports))
        return page(", ".join(models), self._how(), self.tables(), crops)

    def _lines(self) -> list[Line]:
        """Return the models' lines scale by scale, each scale followed by its published lines."""
        lines = measured(self.reports, differences=True)
        found: list[Line] = []
        for scale in dict.fromkeys(line.scale for line in lines):
            found += [line for line in lines if line.scale == scale]
            found += self.known([report for report in self.reports if report.scale == scale])
        return found

    def _summary(self, lines: Sequence[Line]) -> Table:
        title = "" if len({(r.benchmark, r.scale) for r in self.reports}) == 1 else self._how()
        return summary(lines, title)

    def _how(self) -> str:
        made = _listed(r.degradation.upper() for r in self.reports if r.degradation is not None)
        scales = _listed(f"×{report.scale:g}" for report in self.reports)
        protocol = self.reports[0].protocol
        parts = [scales, made, "" if protocol == "none" else f"protocol {protocol}"]
        if self.ensemble:
            parts.append("mean over 8 flips and turns")
        return ", ".join(part for part in parts if part)

    def _sentence(self, report: Report) -> str:
        units = {"psnr": " dB"}
        mean = ", ".join(
            f"{number(metric, value)}{units.get(metric, '')} {title_of(metric)}"
            for metric, value in report.mean.items()
        )
        several = len({each.benchmark for each in self.reports}) > 1
        where = f" on {report.benchmark}" if several else ""
        protocol = "" if report.protocol == "none" else f"{report.protocol}, "
        count = len(report.images)
        return f"{report.model} ×{report.scale:g}{where}: {mean} ({protocol}mean of {count})"

    def _published_json(self, report: Report) -> dict[str, Any]:
        rows = [
            {"method": line.method, **line.scores[report.benchmark], "source": line.origin}
            for line in self.known([report])
        ]
        return {"published": rows} if rows else {}


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))
