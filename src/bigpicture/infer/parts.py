"""An image is enlarged part by part: most are one, CMYK is its coloured inks and its black.

    parts ──enlarge each──▶ parts ──join──▶ the kind of image that it was

What is told of progress and reported is of all parts together.
"""

from dataclasses import replace

from torch import nn

from bigpicture.infer.enlarge import Options, Progress, Report, enlarge
from bigpicture.infer.kinds import Parts
from bigpicture.infer.matching import greatest
from bigpicture.infer.plan import Plan
from bigpicture.models.contract import Limits

__all__ = ["enlarge_parts"]

_WHOLE = 10**6  # in which a part's work is told, where there are several


def enlarge_parts(
    network: nn.Module,
    limits: Limits,
    parts: Parts,
    plan: Plan,
    options: Options,
    report: Report | None = None,
) -> object:
    """Return the image that a plan makes of all parts.

    Arguments but `parts`, and errors, are those of `enlarge`. Of drifts, the parts' greatest is
    reported.
    """
    report = report or Report()
    if len(parts.planes) == 1:
        return parts.join([enlarge(network, limits, parts.planes[0], plan, options, report)])
    made = []
    for number, planes in enumerate(parts.planes):
        own = Report()
        told = replace(options, progress=_share(options.progress, number, len(parts.planes)))
        made.append(enlarge(network, limits, planes, plan, told, own))
        report.tiles += own.tiles
        report.warnings += own.warnings
        report.drift = greatest(report.drift, own.drift)
    return parts.join(made)


def _share(progress: Progress | None, number: int, count: int) -> Progress | None:
    """Return what tells of one of so many parts, as of a share of the whole work."""
    if progress is None:
        return None

    def tell(done: int, total: int) -> None:
        progress(number * _WHOLE + done * _WHOLE // total, count * _WHOLE)

    return tell
