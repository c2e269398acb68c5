"""Median times of runs that take turns, so that all meet the same noise, from the package."""

from bigpicture.analysis.measure import Run, interleaved

__all__ = ["Run", "interleaved"]
