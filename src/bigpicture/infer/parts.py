"""Enlarging an image part by part: most have one; CMYK has its coloured inks and its black.

    parts ──enlarge each──▶ parts ──join──▶ the same kind of image

Progress and the report cover all parts together.
"""

from dataclasses import replace

from torch import nn

from bigpicture.infer.enlarge import Options, Progress, Report, enlarge
from bigpicture.infer.fits import Fits
from bigpicture.infer.kinds import Parts
from bigpicture.infer.matching import greatest
from bigpicture.infer.plan import Plan
from bigpicture.models.contract import Limits

__all__ = ["enlarge_parts"]

_WHOLE = 10**6  # units of progress per part, if there are several


def enlarge_parts(
    network: nn.Module,
    limits: Limits,
    parts: Parts,
    plan: Plan,
    options: Options,
    report: Report | None = None,
) -> object:
    """Return the image that results from executing a plan on all parts.

    Arguments other than `parts`, and errors, are those of `enlarge`. The drift reported is the
    greatest of the parts.
    """
    report = report or Report()
    if len(parts.planes) == 1:
        return parts.join([enlarge(network, limits, parts.planes[0], plan, options, report)])
    made, fits, drift = [], Fits(), {}
    for number, planes in enumerate(parts.planes):
        own = Report()
        told = replace(options, progress=_share(options.progress, number, len(parts.planes)))
        made.append(enlarge(network, limits, planes, plan, told, own, fits))
        report.tiles += own.tiles
        report.warnings += own.warnings
        drift = greatest(drift, own.drift)
    report.drift.update(drift)
    return parts.join(made)


def _share(progress: Progress | None, number: int, count: int) -> Progress | None:
    """Return a progress callback for part `number` of `count`, as a share of the whole work."""
    if progress is None:
        return None

    def tell(done: int, total: int) -> None:
        progress(number * _WHOLE + done * _WHOLE // total, count * _WHOLE)

    return tell
