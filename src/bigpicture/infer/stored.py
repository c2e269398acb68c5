"""Pictures that stay in the integers of their files, and become floats window by window.

A hundred megapixels take 0.3 GB in 8 bits and 1.2 GB as floats, and their enlargement four times
that. Cut and rendered in bands, only windows and bands are floats at any time; and the integers
themselves need not be in memory (`bigpicture.image.spool`).
"""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Shaped

from bigpicture.image.colour import quantise, to_float
from bigpicture.image.spool import Spool, let_go
from bigpicture.shapes import Float, Tensor

__all__ = ["Stored"]


_ROWS = 64  # that become integers at once
_TOUCHED = 2**26  # bytes of a spooled picture that may have come into memory


class Stored:
    """A picture (1, c, h, w), as far as who cuts windows from it can tell.

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

    def collect(
        self, size: tuple[int, int], bands: Iterable[tuple[tuple[int, int], Tensor]]
    ) -> Shaped[np.ndarray, "H W c"]:
        """Return an enlargement that comes in bands of rows, in this picture's integers.

        Args:
            size: Height and width of it.
            bands: First row, the one after the last, and the rows in floats; from the top, without
                gaps.
        """
        result = Spool((*size, self._pixels.shape[2]), self._pixels.dtype)
        for (start, stop), band in bands:
            assert start < stop <= size[0], "bands come in order"
            for rows in band[0].permute(1, 2, 0).split(_ROWS):
                result.append(quantise(rows.cpu().numpy(), 8 * result.dtype.itemsize))
        return result.array()
