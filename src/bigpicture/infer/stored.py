"""Pictures that stay in the integers of their files, and become floats window by window.

A hundred megapixels take 0.3 GB in 8 bits and 1.2 GB as floats, and their enlargement four times
that. If the picture is cut into windows and rendered in bands, only these are floats at any time;
and the integers themselves need not be in memory (`bigpicture.image.spool`).
"""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Shaped

from bigpicture.image.colour import quantise, to_float
from bigpicture.image.spool import Spool, let_go
from bigpicture.shapes import Float, Tensor

__all__ = ["Stored"]


_ROWS = 64  # rows that are quantised at once
_TOUCHED = 2**26  # bytes of a spooled picture to read before its memory is released


class Stored:
    """A picture of integers from which windows are cut as from a float tensor (1, c, h, w).

    Args:
        pixels: 8- or 16-bit integers.
    """

    device = torch.device("cpu")

    def __init__(self, pixels: Shaped[np.ndarray, "h w c"]) -> None:
        self._pixels = pixels
        self._touched = 0
        self.shape = torch.Size((1, pixels.shape[2], *pixels.shape[:2]))

    def __getitem__(self, index: tuple[object, ...]) -> Float[Tensor, "1 c y x"]:
        """Return a window, `[..., rows, columns]`, in [0, 1]."""
        *_, rows, columns = index
        cut = self._pixels[rows, columns]  # pyright: ignore[reportCallIssue, reportArgumentType]
        window = to_float(cut)
        self._touched += cut.nbytes
        if self._touched > _TOUCHED:
            let_go(self._pixels)
            self._touched = 0
        return torch.from_numpy(np.ascontiguousarray(window.transpose(2, 0, 1)))[None]

    def floats(self) -> Float[Tensor, "1 c h w"]:
        """Return the whole picture in [0, 1]."""
        return self[..., :, :]

    def room_for(self, size: tuple[int, int]) -> Spool:
        """Return room for an enlargement, in this picture's integer type.

        Args:
            size: Height and width of the enlargement.

        Raises:
            MemoryError: If there is no room.
        """
        result = Spool((*size, self._pixels.shape[2]), self._pixels.dtype)
        result.restart()
        return result

    def collect(
        self, result: Spool, bands: Iterable[tuple[tuple[int, int], Tensor]]
    ) -> Shaped[np.ndarray, "H W c"]:
        """Return an enlargement that arrives in bands of rows.

        Args:
            result: Room for it, from `room_for`. What it already holds is discarded.
            bands: First row, the one after the last, and the rows as floats; from the top, without
                gaps.
        """
        result.restart()
        for (start, stop), band in bands:
            assert band.shape[-2] == stop - start
            for rows in band[0].permute(1, 2, 0).split(_ROWS):
                result.append(quantise(rows.cpu().numpy(), 8 * result.dtype.itemsize))
        return result.array()
