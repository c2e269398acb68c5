"""`bigpicture analyse cost`: count and measure what networks need for a picture."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bigpicture.app.analyse.inputs import check_scale, labels
from bigpicture.app.analyse.refusing import refusing
from bigpicture.app.console import bar, check_report, refuse, say, write_report
from bigpicture.app.options import Device, Precision, parse_size

if TYPE_CHECKING:
    from bigpicture.analysis.measure import Job, Measured
    from bigpicture.evaluate.formats import Table

MEASURED = "Measuring"
_REPEATS = 5

Measure = Callable[[Mapping[str, "Job"]], Mapping[str, "Measured"]]


# Longer than other functions: the parameters are the command's options, each with its help.
def cost(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME|FILE...", help="Sizes such as rgt-s-x4, shipped models, weight files."
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            metavar="cran-7|rgt-3|ciaosr-7",
            help="Instead of names, recount a paper's table of costs, beside the printed figures.",
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="Scale of networks that render any, and of sizes named without one."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            help="Size of the picture to enlarge (default: 256x256). A paper's table has its own.",
        ),
    ] = None,
    measured: Annotated[
        bool,
        typer.Option("--measure", help="Measure seconds and memory too.", rich_help_panel=MEASURED),
    ] = False,
    repeats: Annotated[
        int,
        typer.Option(
            min=1, help="Number of runs; their median is shown.", rich_help_panel=MEASURED
        ),
    ] = _REPEATS,
    format: Annotated[
        Literal["text", "markdown", "csv", "latex"],
        typer.Option(help="Format of the printed table."),
    ] = "text",
    report: Annotated[
        Path | None, typer.Option("--json", help="Write exact figures to this JSON file.")
    ] = None,
    device: Device = "auto",
    precision: Precision = "fp32",
) -> None:
    """Count parameters, multiply-adds and activations; measure seconds and memory.

    Counts operators, whichever modules or functions call them, without computing anything.
    Measures networks with random weights, and their memory in a separate process.

    bigpicture analyse cost rgt-s-x4 uhdn-x4 --size 320x180

    bigpicture analyse cost --table rgt-3
    """
    check_report(report)
    check_scale(scale)
    if bool(names) == (table is not None):
        refuse("give names of networks, or a paper's table with --table, but not both")
    asked = {"--size": size, "--scale": None if scale is None else f"{scale:g}"}
    for option, given in asked.items() if table is not None else ():
        if given is not None:
            refuse(
                f"{option} {given}: --table {table} has the paper's own; leave one of the two out"
            )
    how_measured = (
        ("--repeats", repeats, _REPEATS),
        ("--device", device, "auto"),
        ("--precision", precision, "fp32"),
    )
    for option, given, usual in how_measured if not measured else ():
        if given != usual:
            refuse(f"{option} {given} only affects --measure; add that, or leave it out")
    low = parse_size(size) or (256, 256)
    from bigpicture.evaluate.formats import written
    from bigpicture.infer.device import choose_device

    def measure(jobs: Mapping[str, "Job"]) -> Mapping[str, "Measured"]:
        from bigpicture.analysis.measure import measure as measure_

        return measure_(jobs, repeats) if measured else {}

    with refusing("give a smaller --size" if table is None else "leave --measure out"):
        how = {"device": str(choose_device(device)), "precision": precision}
        if table is None:
            shown, values = _of_names(names or (), scale, low, measure, how)
        else:
            shown, values = _of_table(table, measure, how)
    say(written(shown, format))
    if table is not None and format in ("text", "markdown"):
        say(f"\n{values['reason']}")
    write_report(report, values | ({**how, "repeats": repeats} if measured else {}))


def _of_names(
    names: Sequence[str],
    scale: float | None,
    low: tuple[int, int],
    measure: Measure,
    how: Mapping[str, Any],
) -> tuple["Table", dict[str, Any]]:
    """Return the costs of networks, as a table to print and as JSON values."""
    from bigpicture.analysis.cost import cost as counted
    from bigpicture.analysis.cost_report import Costed, costs_json, costs_table
    from bigpicture.analysis.measure import Job
    from bigpicture.analysis.subjects import subject

    subjects = {label: subject(name, scale) for label, name in labels(names).items()}
    costs = {}
    with bar(len(subjects)) as shown:
        for label, each in subjects.items():
            shown.name(label)
            colours = each.settings.colours
            costs[label] = counted(each.network(), low, colours=colours, size=each.size(low))
            shown.reach(len(costs))
    jobs = {
        label: Job(each.settings, low, each.size(low), **how) for label, each in subjects.items()
    }
    taken = measure(jobs)
    rows = [
        Costed(label, each.scale, low, costs[label], taken.get(label))
        for label, each in subjects.items()
    ]
    return costs_table(rows), costs_json(rows)


def _of_table(
    name: str, measure: Measure, how: Mapping[str, Any]
) -> tuple["Table", dict[str, Any]]:
    """Return a paper's table recounted, as a table to print and as JSON values."""
    from bigpicture.analysis.cost_report import published_json, published_table
    from bigpicture.analysis.measure import Job
    from bigpicture.analysis.published_costs import TABLES, rows

    found = []
    with bar(1) as shown:
        for row in rows(name):
            found.append(row)
            shown.name(row.method)
    low = TABLES[name].low
    jobs = {row.method: Job(row.settings, low, None, **how) for row in found if row.settings}
    taken = measure(jobs)
    return published_table(name, found, taken), published_json(name, found, taken)
