"""Run all tiles of a picture together, from context to context, so that each sees the exact ones.

    tile 1 ──▶ ▌gather₁▐ ──▶ ▌gather₂▐ ──▶ … ──▶ done
    tile 2 ──▶ ▌gather₁▐ ──▶ ▌gather₂▐ ──▶ … ──▶ done
    …           merged        merged

Every tile is computed once. At each operator it waits until all others have gathered there; then
the contexts are merged and all go on. With halos as wide as the network's reach, this is what the
whole picture gives. The price is memory: between two operators, the features of all tiles, halos
included, are held at once; not on the device, and not all of them in memory where they are too many
(`bigpicture.infer.waiting`).

As in `bigpicture.infer.sharing`, the network is known by nothing but the contract. A tile is a
thread, for that is what can wait in the midst of any network; one runs at a time, in turn, so that
the working memory is that of one tile and the result does not depend on timing.
"""

import contextvars
import ctypes
import functools
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from bigpicture.context.contract import Context, ContextOperator, Part
from bigpicture.infer.memory import free_bytes
from bigpicture.infer.sharing import Key, view
from bigpicture.infer.waiting import Attic, Held, Recall
from bigpicture.shapes import Tensor

__all__ = ["Lockstep", "check_together"]

_MOST_TILES = 2000
"""That may run together: some systems allow a process hardly more threads."""

_HOST = torch.device("cpu")
_SOFTLY = 1  # omp_pause_soft


def check_together(tiles: int) -> None:
    """Refuse more tiles than can run together, before the first is begun.

    Raises:
        ValueError: If there are more than systems allow threads.
    """
    if tiles > _MOST_TILES:
        raise ValueError(
            f"context='exact' runs all {tiles} tiles at once, each in a thread, and not more than "
            f"{_MOST_TILES}, which systems allow; take larger tiles (by tile, or by more memory), "
            "or context='shared'"
        )


class Lockstep:
    """The tiles of one picture on their common way through a network.

    Args:
        network: Any module; it is left as it is.
        memory: Bytes of host memory that waiting tiles may take; half of what is free if None.

    Attributes:
        network: A view of it. Run it inside `results` only.
        stages: Turns that each tile needs, if each operator is called once.
    """

    def __init__(self, network: nn.Module, memory: int | None = None) -> None:
        self.network = view(network)
        self.stages = 1
        self.attic = Attic(free_bytes(_HOST) // 2 if memory is None else memory)
        self._own = threading.local()
        self._runners: list[_Runner] = []
        self._merged: dict[Key, Context] = {}
        for name, module in self.network.named_modules():
            if isinstance(module, ContextOperator):
                module.gather = self._meeting(name, module.gather)  # pyright: ignore[reportAttributeAccessIssue]
                self.stages += 1

    def results(
        self, runs: Sequence[tuple[Part, Callable[[], Tensor]]], told: Callable[[int], object]
    ) -> Iterator[Tensor]:
        """Yield what each tile becomes, in order.

        Args:
            runs: Of each tile, its part of the picture and what runs `network` on it.
            told: Called with a tile's number whenever its turn is over; what it raises ends all.
        """
        settings = _precision_here()
        self._runners = [_Runner(self, part, run, settings) for part, run in runs]
        try:
            waiting = list(enumerate(self._runners))
            while waiting:
                key = None
                for number, runner in waiting:
                    runner.turn()
                    told(number)
                    if runner.done:
                        yield runner.result()
                    elif key is None:
                        key = runner.key
                        self._merged[key] = runner.gathered
                    elif key == runner.key:
                        with Recall(self.attic):
                            self._merged[key] = self._merged[key].merge(runner.gathered)
                    else:
                        raise RuntimeError(
                            f"a tile came to the context of {runner.key} where the first came to "
                            f"{key}; such a network cannot be run with context='exact'"
                        )
                waiting = [each for each in waiting if not each[1].done]
        finally:
            for runner in self._runners:
                runner.abandon()
            self._runners.clear()
            self._merged.clear()
            self.attic.close()

    def _meeting(self, name: str, own: Callable[..., Any]) -> Callable[[Tensor], Context]:
        def gather(x: Tensor) -> Context:
            runner: _Runner = self._own.runner
            key = name, runner.calls[name]
            runner.calls[name] += 1
            runner.wait_at(key, own(x, runner.part))
            return self._merged[key]

        return gather

    def enter(self, runner: "_Runner") -> None:
        """Let the operators of this thread know whose it is."""
        self._own.runner = runner


class _Abandoned(BaseException):
    """Nobody waits for this tile any more; not to be caught by a network."""


class _Runner:
    """One tile's thread, and the baton that it gets and gives back."""

    def __init__(
        self,
        lockstep: Lockstep,
        part: Part,
        run: Callable[[], Tensor],
        settings: tuple[bool, str, bool, torch.dtype],
    ) -> None:
        self.part = part
        self.calls: Counter[str] = Counter()
        self.key: Key = "", 0
        self.gathered: Any = None
        self.done = False
        self._outcome: Tensor | BaseException | None = None
        self._abandoned = False
        self._held = Held(lockstep.attic)
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        # with what holds where it was asked for, such as the folder that large things go to
        here = contextvars.copy_context()
        self._start = lambda: here.run(self._work, lockstep, run, settings)

    def turn(self) -> None:
        """Run until the next context, or the end."""
        if self._thread is None:
            thread = threading.Thread(target=self._start, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise RuntimeError(
                    f"{error}, which each tile needs one of with context='exact'; take larger "
                    "tiles, or context='shared'"
                ) from error
            self._thread = thread
        self._mine.release()
        self._theirs.acquire()
        if isinstance(self._outcome, BaseException):
            raise self._outcome

    def result(self) -> Tensor:
        """Return what the tile has become, and forget it."""
        result, self._outcome = self._outcome, None
        assert isinstance(result, Tensor)
        return result

    def wait_at(self, key: Key, gathered: Context) -> None:
        """Give the baton back until the contexts of all tiles are merged."""
        self.key, self.gathered = key, gathered
        self._held.put_away()
        _end_helpers()
        self._theirs.release()
        self._mine.acquire()
        self.gathered = None
        if self._abandoned:
            raise _Abandoned
        self._held.take_back()

    def abandon(self) -> None:
        """End the thread, wherever it waits."""
        if self._thread is not None and not self.done:
            self._abandoned = True
            self._mine.release()
            self._thread.join()

    def _work(
        self,
        lockstep: Lockstep,
        run: Callable[[], Tensor],
        settings: tuple[bool, str, bool, torch.dtype],
    ) -> None:
        self._mine.acquire()
        inference, device, low, dtype = settings
        lockstep.enter(self)
        try:
            # these are settings of a thread, so a new one has to be given them
            casting = torch.autocast(device, dtype, enabled=low)
            with torch.inference_mode(inference), casting, self._held:
                self._outcome = run()
        except _Abandoned:
            return
        except BaseException as error:  # raised again where the result is awaited
            self._outcome = error
        finally:
            self.done = True
            self._theirs.release()


@functools.cache
def _openmp() -> ctypes.CDLL | None:
    """Return GNU's OpenMP if operators use it, as they do on Linux."""
    try:
        return ctypes.CDLL("libgomp.so.1", os.RTLD_NOLOAD)
    except (AttributeError, OSError):
        return None


def _end_helpers() -> None:
    """End the threads that have computed with this one.

    GNU's OpenMP keeps them for each thread that it has ever computed for. Of hundreds of tiles on
    a computer of many processors, these are more than a system allows, which ends the process.
    """
    if (openmp := _openmp()) is not None:
        openmp.omp_pause_resource_all(_SOFTLY)


def _precision_here() -> tuple[bool, str, bool, torch.dtype]:
    """Return whether this thread is in inference mode, and how it casts on which device."""
    for device in ("cuda", "mps", "cpu"):
        if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
            return torch.is_inference_mode_enabled(), device, True, torch.get_autocast_dtype(device)
    return torch.is_inference_mode_enabled(), "cpu", False, torch.bfloat16
