"""Smaller tiles where memory runs out.

    run(tiling) ──out of memory──▶ run(tiling of half the side) ──▶ … ──▶ result

Sides that did not fit are not tried again in later runs for the same image.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch

from bigpicture.infer.memory import SMALLEST_TILE, is_out_of_memory
from bigpicture.infer.plan import Pass
from bigpicture.infer.upscale import Tiling

__all__ = ["Fits"]

T = TypeVar("T")


class Fits:
    """Runs passes in tiles that fit into memory, and remembers their side."""

    def __init__(self) -> None:
        self._most: int | None = None

    def run(
        self, each: Pass, work: Callable[[Tiling], T], tell: Callable[[str], object]
    ) -> tuple[T, Tiling]:
        """Return what `work` returns, and the tiling with which it did.

        Args:
            each: A pass, whose tiling is tried first unless such tiles have failed before.
            work: Executes the pass in tiles; called again if it runs out of memory.
            tell: Called with a message whenever tiles become smaller.

        Raises:
            MemoryError: If even the smallest tiles do not fit.
        """
        while True:
            tiling = each.tiling
            if self._most is not None and _side(each, tiling) > self._most:
                tiling = replace(tiling, side=self._most)
            try:
                return work(tiling), tiling
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(_side(each, tiling), tell, error)
            # outside of `except`, where the traceback holds the tensors of the failed attempt
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _halve(self, side: int, tell: Callable[[str], object], error: BaseException) -> None:
        if side <= SMALLEST_TILE:
            raise MemoryError(
                f"tiles of {side} pixels do not fit into memory; free some, or choose a smaller "
                "network or device='cpu'"
            ) from error
        self._most = max(SMALLEST_TILE, -(-side // 2))
        tell(f"out of memory with tiles of {side} pixels; going on with {self._most}")


def _side(each: Pass, tiling: Tiling) -> int:
    """Return the side of the tiles of a pass, at most that of its picture."""
    longest = max(each.height, each.width)
    return min(tiling.side or longest, longest)
