"""Running the tiles of a picture together, from context to context, so that contexts are exact.

    tile 1 ──▶ ▌gather₁▐ ──▶ ▌gather₂▐ ──▶ … ──▶ done
    tile 2 ──▶ ▌gather₁▐ ──▶ ▌gather₂▐ ──▶ … ──▶ done
    …           merged        merged

Every tile is computed once. At each operator it waits until all others have gathered there; then
the contexts are merged and all tiles continue. With halos as wide as the network's reach, the
result is that of the whole picture. The price is memory: between two operators, the features of all
tiles, halos included, are held at once, though not on the device, and partly in a file where they
exceed host memory (`bigpicture.infer.waiting`).

As in `bigpicture.infer.sharing`, only the operators' contract is assumed of the network. Each tile
runs in a thread, which can wait at any point of any network. The threads run one at a time, in
turn, so that the working memory is that of one tile and the result does not depend on timing.
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
"""Most tiles that may run together: some systems hardly allow a process more threads."""

_HOST = torch.device("cpu")
_SOFTLY = 1  # omp_pause_soft


def check_together(tiles: int) -> None:
    """Refuse, before any tile starts, more tiles than can run together.

    Raises:
        ValueError: If there are more tiles than systems allow threads.
    """
    if tiles > _MOST_TILES:
        raise ValueError(
            f"context='exact' runs all {tiles} tiles at once, each in a thread, and not more than "
            f"{_MOST_TILES}, which systems allow; take larger tiles (by tile, or by more memory), "
            "or context='shared'"
        )


class Lockstep:
    """The tiles of one picture, run through a network in step.

    Args:
        network: Any module; it is not modified.
        memory: Bytes of host memory that waiting tiles may take; half of the free memory if None.

    Attributes:
        network: A view of the network. Run it only inside `results`.
        stages: Turns that each tile takes, if each operator is called once.
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
        """Yield the result of each tile, in order.

        Args:
            runs: For each tile, its part of the picture and a function that runs `network` on it.
            told: Called with a tile's number after each of its turns; an exception from it ends
                all tiles.

        Raises:
            ValueError: If there are too many tiles, see `check_together`.
            RuntimeError: If tiles come to different contexts.
        """
        check_together(len(runs))
        settings = _precision_here()
        self._runners = [_Runner(self, part, run, settings) for part, run in runs]
        try:
            while not all(runner.done for runner in self._runners):
                for number, runner in enumerate(self._runners):
                    runner.turn()
                    told(number)
                    self._check_in_step(runner)
                    if runner.done:
                        yield runner.result()
                    else:
                        self._merge(runner)
        finally:
            for runner in self._runners:
                runner.abandon()
            self._runners.clear()
            self._merged.clear()
            self.attic.close()

    def _check_in_step(self, runner: "_Runner") -> None:
        first = self._runners[0]
        if runner.place != first.place:
            raise RuntimeError(
                f"a tile came to {runner.place} where the first came to {first.place}; such a "
                "network cannot be run with context='exact'"
            )

    def _merge(self, runner: "_Runner") -> None:
        before = self._merged.get(runner.key)
        with Recall(self.attic):
            context = runner.gathered if before is None else before.merge(runner.gathered)
        self._merged[runner.key] = context

    def _meeting(self, name: str, own: Callable[..., Any]) -> Callable[[Tensor], Context]:
        def gather(x: Tensor) -> Context:
            runner: _Runner = self._own.runner
            key = name, runner.calls[name]
            runner.calls[name] += 1
            runner.wait_at(key, own(x, runner.part))
            return self._merged[key]

        return gather

    def enter(self, runner: "_Runner") -> None:
        """Tell the operators that run in this thread which tile it belongs to."""
        self._own.runner = runner


class _Abandoned(BaseException):
    """Ends the thread of a tile that is no longer needed; networks must not catch it."""


class _Runner:
    """One tile's thread, and the baton that is passed to it and back."""

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
        # the thread inherits context variables, such as the folder for large temporary files
        here = contextvars.copy_context()
        self._start = lambda: here.run(self._work, lockstep, run, settings)

    @property
    def place(self) -> str:
        """Where the tile has come to, for messages and to compare."""
        return "its end" if self.done else f"the context of {self.key}"

    def turn(self) -> None:
        """Let the tile run until its next context, or its end."""
        if self._thread is None:
            thread = threading.Thread(target=self._start, name="bigpicture-tile", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise RuntimeError(
                    f"{error}: context='exact' needs one thread per tile; use larger tiles or "
                    "context='shared'"
                ) from error
            self._thread = thread
        self._mine.release()
        self._theirs.acquire()
        if isinstance(self._outcome, BaseException):
            error, self._outcome = self._outcome, None
            try:
                raise error
            finally:
                # it leads to this frame by its traceback: a cycle, which would keep the tile's
                # tensors after the error was handled
                del error

    def result(self) -> Tensor:
        """Return the tile's result, and drop the reference to it."""
        result, self._outcome = self._outcome, None
        assert isinstance(result, Tensor)
        return result

    def wait_at(self, key: Key, gathered: Context) -> None:
        """Hand the baton back until the contexts of all tiles are merged."""
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
        """End the thread, wherever it is waiting."""
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
            # these settings are thread-local, so each new thread must be given them
            casting = torch.autocast(device, dtype, enabled=low)
            with torch.inference_mode(inference), casting, self._held:
                self._outcome = run()
        except _Abandoned:
            return
        except BaseException as error:  # re-raised by `turn`
            self._outcome = error
        finally:
            self.done = True
            self._theirs.release()


@functools.cache
def _openmp() -> ctypes.CDLL | None:
    """Return the GNU OpenMP library if operators use it, as they do on Linux."""
    try:
        return ctypes.CDLL("libgomp.so.1", os.RTLD_NOLOAD)
    except (AttributeError, OSError):
        return None


def _end_helpers() -> None:
    """End the OpenMP worker threads of this thread.

    GNU OpenMP keeps workers for every thread that has used it. With hundreds of tiles on a computer
    with many CPU cores, they would exceed the system's limit, which ends the process.
    """
    if (openmp := _openmp()) is not None:
        openmp.omp_pause_resource_all(_SOFTLY)


def _precision_here() -> tuple[bool, str, bool, torch.dtype]:
    """Return this thread's inference mode, and the device, state and type of its autocast."""
    for device in ("cuda", "mps", "cpu"):
        if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
            return torch.is_inference_mode_enabled(), device, True, torch.get_autocast_dtype(device)
    return torch.is_inference_mode_enabled(), "cpu", False, torch.bfloat16
