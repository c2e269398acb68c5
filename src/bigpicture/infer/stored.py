"""Pictures that stay in the integers of their files, and become floats window by window.

A hundred megapixels take 0.3 GB in 8 bits and 1.2 GB as floats, and their enlargement four times
that. Cut and rendered in bands, only windows and bands are floats at any time.
"""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Shaped

from bigpicture.image.colour import quantise, to_float
from bigpicture.shapes import Float, Tensor

__all__ = ["Stored"]


class Stored:
    """A picture (1, c, h, w), as far as who cuts windows from it can tell.

    Args:
        pixels: 8- or 16-bit integers.
    """

    device = torch.device("cpu")

    def __init__(self, pixels: Shaped[np.ndarray, "h w c"]) -> None:
        self._pixels = pixels
        self.shape = torch.Size((1, pixels.shape[2], *pixels.shape[:2]))

    def __getitem__(self, index: tuple[object, ...]) -> Float[Tensor, "1 c y x"]:
        """Return a window, `[..., rows, columns]`, in [0, 1]."""
        *_, rows, columns = index
        window = to_float(self._pixels[rows, columns])  # pyright: ignore[reportCallIssue, reportArgumentType]
        return torch.from_numpy(np.ascontiguousarray(window.transpose(2, 0, 1)))[None]

    def floats(self) -> Float[Tensor, "1 c h w"]:
        """Return the whole picture in [0, 1]."""
        return self[..., :, :]

    def collect(
        self, size: tuple[int, int], bands: Iterable[tuple[tuple[int, int], Tensor]]
    ) -> Shaped[np.ndarray, "H W c"]:
        """Return an enlargement that comes in bands of rows, in this picture's integers."""
        result = np.empty((*size, self._pixels.shape[2]), self._pixels.dtype)
        for (start, stop), band in bands:
            rows = band[0].permute(1, 2, 0).cpu().numpy()
            result[start:stop] = quantise(rows, 8 * result.itemsize)
        return result
