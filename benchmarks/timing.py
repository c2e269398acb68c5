"""Medians of runs that take turns, so that all of them meet the same noise: the package's own."""

from bigpicture.analysis.measure import Run, interleaved

__all__ = ["Run", "interleaved"]
