"""Executing a plan pass by pass, in smaller tiles or higher precision where necessary.

    planes, plan ──▶ colour, alpha larger ──▶ exact size ──▶ low frequencies restored ──▶ kind

A pass that runs out of memory is restarted with smaller tiles; an unsound result is computed again
in float32. Nothing of a failed attempt is kept.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import Shaped
from torch import nn

from bigpicture.image.resize import resize
from bigpicture.image.spool import Spool, by_rows
from bigpicture.infer.alpha import bleed_colours, enlarge_alpha, is_flat
from bigpicture.infer.ensemble import self_ensemble
from bigpicture.infer.fits import Fits
from bigpicture.infer.kinds import Planes
from bigpicture.infer.matching import match_low
from bigpicture.infer.plan import Pass, Plan
from bigpicture.infer.precision import Precision, computing_in, number_format
from bigpicture.infer.room import check_room, room_for
from bigpicture.infer.soundness import UnsoundError
from bigpicture.infer.stored import Stored
from bigpicture.infer.upscale import Tiling, cost, device_of, render, render_bands
from bigpicture.models.contract import Limits
from bigpicture.shapes import Float, Tensor

__all__ = ["Cancel", "Cancelled", "EngineWarning", "Options", "Progress", "Report", "enlarge"]

Progress = Callable[[int, int], None]
"""Called with the work done and the total work, in the same unspecified unit. Where work has to be
repeated, the work done decreases."""
T = TypeVar("T")


class EngineWarning(UserWarning):
    """The result is what was asked for, but it had to be computed in another way."""


class Cancelled(Exception):  # noqa: N818 - not an error
    """The caller has cancelled the enlargement."""


@runtime_checkable
class Cancel(Protocol):
    """A signal to stop, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Return whether to stop."""
        ...


@dataclass(frozen=True)
class Options:
    """How to execute a plan. See `Model.upscale`."""

    ensemble: bool = False
    precision: Precision = "auto"
    match_low: bool = False
    progress: Progress | None = None
    cancel: Cancel | None = None


@dataclass
class Report:
    """A record of what was done, filled along the way.

    Attributes:
        tiles: Number of tiles each time the network went over a picture: once per pass, eight
            times with an ensemble, and as often again for opacity or black ink.
        warnings: Messages about what had to be done otherwise than asked.
        drift: How much the result, shrunk, differs from the input picture, in its units (1 is
            white): mean and maximum, before and after matching. Empty without matching.
    """

    tiles: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    drift: dict[str, float] = field(default_factory=dict)


def enlarge(
    network: nn.Module,
    limits: Limits,
    planes: Planes,
    plan: Plan,
    options: Options,
    report: Report | None = None,
    fits: Fits | None = None,
) -> Any:  # noqa: ANN401 - the kind of image that the planes are of
    """Return the image that results from executing a plan on `planes`.

    What was done is added to `report`. `fits` has the tiles that other parts of the image have
    shown to fit.

    Raises:
        Cancelled: If `options.cancel` was set.
        UnsoundError: If the network's result is unsound even in float32.
        MemoryError: If the smallest tile or the result does not fit.
    """
    report = report or Report()
    before = len(report.tiles)
    device = device_of(network, planes.colour.device)
    numbers = number_format(options.precision, device, planes.bits, limits.precisions)
    work = _Work(planes, plan, network, limits, options)
    run = _Run(network, limits, options, report, work, fits or Fits())
    try:
        with computing_in(numbers, device):
            return run.image(planes, plan)
    except UnsoundError as error:
        if numbers == "fp32":
            raise
        run.warn(f"{error} in {numbers}; computed again in fp32")
    # outside of `except`, where the traceback holds the tensors of the failed attempt
    work.done = 0
    del report.tiles[before:]
    with computing_in("fp32", device):
        return run.image(planes, plan)


class _Work:
    """Counts the work done on a plan, and stops it on request."""

    def __init__(
        self, planes: Planes, plan: Plan, network: nn.Module, limits: Limits, options: Options
    ) -> None:
        drawn = 1 if planes.alpha is None or is_flat(planes.alpha) else 2
        each = (cost(network, limits, p.height, p.width, p.tiling) for p in plan.passes)
        self.done = 0
        self._total = (8 if options.ensemble else 1) * drawn * sum(each)
        self._options = options

    def advance(self, work: int) -> None:
        if self._options.cancel is not None and self._options.cancel.is_set():
            raise Cancelled
        self.done += work
        if self._options.progress is not None:
            self._options.progress(min(self.done, self._total), self._total)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Discount the work of a failed attempt."""
        before = self.done
        try:
            yield
        except BaseException:
            self.done = before
            raise


@dataclass(frozen=True)
class _Run:
    network: nn.Module
    limits: Limits
    options: Options
    report: Report
    work: _Work
    fits: Fits

    def image(self, planes: Planes, plan: Plan) -> Any:  # noqa: ANN401
        """Return the plan's result as the same kind of image as the input."""
        stored, close = planes.colour, planes.close_stored
        if isinstance(stored, Stored) and close is not None and self._in_bands(plan):
            (each,) = plan.passes
            room = stored.room_for(each.size)  # made before any tiles, see `_render`
            result = self._in_tiles(each, lambda t: self._bands(each, t, stored, room))
            return close(_contiguous(result[plan.cut]))
        colour, alpha = self._whole(planes, plan)
        return planes.close(
            colour[(..., *plan.cut)], None if alpha is None else alpha[(..., *plan.cut)]
        )

    def _in_bands(self, plan: Plan) -> bool:
        """Return whether a single pass renders the pixels of the result."""
        mixes = self.options.ensemble or self.options.match_low
        return not mixes and len(plan.passes) == 1 and plan.passes[0].size == plan.size

    def _bands(self, each: Pass, tiling: Tiling, low: Stored, room: Spool) -> np.ndarray:
        asked = each.size if self.limits.any_scale else None
        advance = self.work.advance
        bands = render_bands(self.network, self.limits, low, tiling, advance, asked)
        return low.collect(room, bands)

    def _whole(self, planes: Planes, plan: Plan) -> tuple[Tensor, Tensor | None]:
        """Return colour and alpha of the plan's size."""
        check_room(planes, plan, self.options.ensemble, self.options.match_low)
        colour, alpha = planes.floats(), planes.alpha
        own = (1, 2, 3)  # of each picture of a batch
        darkest = colour.amin(own, keepdim=True).clamp(max=0)
        brightest = colour.amax(own, keepdim=True).clamp(min=1)
        if alpha is not None:
            colour = bleed_colours(colour, alpha)
        low = colour if self.options.match_low else None
        for each in plan.passes:
            restore = partial(self._restore, each)
            colour = restore(colour)
            alpha = None if alpha is None else enlarge_alpha(restore, alpha, each.size)
        if tuple(colour.shape[-2:]) != plan.size:
            colour = resize(colour, size=plan.size)
            alpha = None if alpha is None else _resize_alpha(alpha, plan.size)
        if low is not None:
            colour, drift = match_low(colour, low, (darkest, brightest))
            self.report.drift.update(drift)
        return colour.clamp(darkest, brightest), alpha

    def warn(self, message: str) -> None:
        self.report.warnings.append(message)
        _warn(message)

    def _restore(self, each: Pass, low: Tensor) -> Tensor:
        def to_size(high: int, wide: int) -> Callable[[Tensor], Tensor]:
            return lambda x: self._render(each, x, (high, wide))

        high, wide = each.size
        if self.options.ensemble:
            return self_ensemble(to_size(high, wide), low, to_size(wide, high))
        return to_size(high, wide)(low)

    def _render(self, each: Pass, low: Tensor, size: tuple[int, int]) -> Tensor:
        # made before any tiles, which are not to become smaller if it does not fit
        result = room_for((*low.shape[:2], *size), low.device)
        asked = size if self.limits.any_scale else None
        advance = self.work.advance

        def run(tiling: Tiling) -> Tensor:
            return render(self.network, self.limits, low, tiling, advance, asked, result)

        return self._in_tiles(each, run)

    def _in_tiles(self, each: Pass, run: Callable[[Tiling], T]) -> T:
        def attempt(tiling: Tiling) -> T:
            with self.work.attempt():
                return run(tiling)

        result, tiling = self.fits.run(each, attempt, self.warn)
        self.report.tiles.append(len(tiling.cut(each.height, each.width, self.limits)))
        return result


def _warn(message: str) -> None:
    """Warn at the line that called the package.

    `warnings.warn` would show the warning of a line once, and not for the next picture.
    """
    frame = sys._getframe()
    while frame.f_globals.get("__name__", "").startswith("bigpicture.") and frame.f_back:
        frame = frame.f_back
    warnings.warn_explicit(message, EngineWarning, frame.f_code.co_filename, frame.f_lineno)


def _contiguous(cut: Shaped[np.ndarray, "h w c"]) -> Shaped[np.ndarray, "h w c"]:
    return cut if cut.flags.c_contiguous else by_rows(np.ascontiguousarray, cut)


def _resize_alpha(
    alpha: Float[Tensor, "b 1 h w"], size: tuple[int, int]
) -> Float[Tensor, "b 1 H W"]:
    """Return opacity resized to an exact size, clamped to its range so that flat stays flat."""
    bounds = alpha.amin((2, 3), keepdim=True), alpha.amax((2, 3), keepdim=True)
    return torch.minimum(torch.maximum(resize(alpha, size=size), bounds[0]), bounds[1])
