"""Reports as tables, in Markdown whose columns also line up in a terminal.

Report ──▶ a row for each picture and one for the mean; several Reports ──▶ a row for each
"""

from collections.abc import Iterable, Mapping, Sequence

from bigpicture.evaluate.run import Report

_DIGITS = {"psnr": 2, "ssim": 4}
_TITLES = {"psnr": "PSNR", "ssim": "SSIM"}


def image_table(report: Report) -> str:
    """Return one report, picture by picture, under a line that says how it was measured.

    >>> from bigpicture.evaluate.run import ImageScore
    >>> baby = ImageScore("baby", {"psnr": 37.066, "ssim": 0.9522})
    >>> print(image_table(Report("bicubic", 2, "sr-y", (baby,))))
    bicubic, ×2, protocol sr-y
    <BLANKLINE>
    | image |  PSNR |   SSIM |
    |:------|------:|-------:|
    | baby  | 37.07 | 0.9522 |
    | mean  | 37.07 | 0.9522 |
    """
    rows = [[image.name, *_numbers(image.scores)] for image in report.images]
    rows.append(["mean", *_numbers(report.mean)])
    title = f"{report.model}, ×{report.scale:g}, protocol {report.protocol}"
    return f"{title}\n\n{_markdown(['image', *_titles(report.mean)], rows, left=1)}"


def comparison_table(reports: Iterable[tuple[str, Report]]) -> str:
    """Return the means of several reports, each given with its benchmark's name.

    Raises:
        ValueError: If there are no reports, or they do not hold the same metrics.
    """
    reports = list(reports)
    if not reports:
        raise ValueError("reports is empty; give at least one (benchmark, report)")
    metrics = list(reports[0][1].mean)
    if any(list(report.mean) != metrics for _, report in reports):
        raise ValueError("the reports hold different metrics; make a table for each kind")
    rows = [
        [report.model, name, f"×{report.scale:g}", report.protocol, *_numbers(report.mean)]
        for name, report in reports
    ]
    return _markdown(["model", "benchmark", "scale", "protocol", *_titles(metrics)], rows, left=4)


def _numbers(scores: Mapping[str, float]) -> list[str]:
    return [f"{value:.{_DIGITS.get(metric, 4)}f}" for metric, value in scores.items()]


def _titles(metrics: Iterable[str]) -> list[str]:
    return [_TITLES.get(metric, metric) for metric in metrics]


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Return a table whose first `left` columns are aligned left, the others right."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rules = (f":{'-' * (w + 1)}" if i < left else f"{'-' * (w + 1)}:" for i, w in enumerate(widths))
    return "\n".join([line(header), f"|{'|'.join(rules)}|", *map(line, rows)])
