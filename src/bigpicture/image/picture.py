"""A picture in memory: its pixels as stored, and the metadata of its file.

    file ──read──▶ Picture ──tensor──▶ (c, h, w) in [0, 1] ──with_tensors──▶ Picture ──write──▶ file

Pixels keep the numbers of the file (8- or 16-bit integers, or floats), so that a picture that is
only read and written comes back unchanged. They become floats in [0, 1] on request and are
quantised once, at the end: clipped, then rounded to the nearest level, halves to even.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Shaped

from bigpicture.image.colour import BITS, at_depth, quantise, to_float
from bigpicture.image.spool import by_rows

if TYPE_CHECKING:
    import torch


class ImageError(ValueError):
    """A file cannot be read or written as an image; the message says which and what to do."""


class ImageWarning(UserWarning):
    """A file is read or written only in part; the message says what is left out."""


@dataclass(frozen=True)
class Metadata:
    r"""What an image file states besides its pixels; None where it states nothing.

    Args:
        icc: ICC profile of the stored colours; None means sRGB (or its gray).
        exif: EXIF block, beginning with `Exif\0\0`. Its orientation is 1, as pictures are stored
            upright.
        xmp: XMP packet, an XML text.
        iptc: IPTC-IIM records, without the Photoshop block in which JPEG wraps them.
        pixels_per_mm: Horizontal and vertical resolution; 72 dpi is 72 / 25.4.
    """

    icc: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    iptc: bytes | None = field(default=None, repr=False)
    pixels_per_mm: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels as a file stores them.

    Args:
        colour: Gray (1 channel) or RGB (3), uint8, uint16 or float32. Floats are scaled so that
            1 is white; values outside [0, 1], legal in float files, are kept.
        alpha: Opacity in the same dtype, 0 is transparent; not multiplied into `colour`.
        metadata: Metadata of the file.

    Raises:
        ValueError: If a dtype or shape is none of these, or there are no pixels.
    """

    colour: Shaped[np.ndarray, "h w c"]
    alpha: Shaped[np.ndarray, "h w"] | None = None
    metadata: Metadata = field(default_factory=Metadata)

    def __post_init__(self) -> None:
        shape, dtype = self.colour.shape, self.colour.dtype
        if dtype.name not in BITS:
            raise ValueError(f"colour is {dtype}; it must be one of {', '.join(BITS)}")
        if len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape:
            raise ValueError(f"colour has shape {shape}; it must be (height, width, 1 or 3)")
        if self.alpha is not None and (self.alpha.shape, self.alpha.dtype) != (shape[:2], dtype):
            found = f"{self.alpha.shape} of {self.alpha.dtype}"
            raise ValueError(f"alpha is {found}; beside this colour it must be {shape[:2]} {dtype}")

    @property
    def height(self) -> int:
        """Rows."""
        return self.colour.shape[0]

    @property
    def width(self) -> int:
        """Columns."""
        return self.colour.shape[1]

    @property
    def is_gray(self) -> bool:
        """Whether there is only one channel besides alpha."""
        return self.colour.shape[2] == 1

    @property
    def bits(self) -> int:
        """Depth of a channel: 8, 16, or 32 for floats."""
        return BITS[self.colour.dtype.name]

    @classmethod
    def from_array(
        cls, array: Shaped[np.ndarray, "..."], metadata: Metadata | None = None
    ) -> "Picture":
        """Take an array (h, w) or (h, w, 1 to 4); the last of 2 or 4 channels is alpha.

        >>> Picture.from_array(np.zeros((5, 7, 4), np.uint16)).alpha.shape
        (5, 7)
        """
        pixels = array[..., None] if array.ndim == 2 else array
        if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4:
            raise ValueError(f"array has shape {array.shape}; it must be (h, w) or (h, w, 1 to 4)")
        colours = 1 if pixels.shape[2] < 3 else 3
        alpha = pixels[..., colours] if pixels.shape[2] > colours else None
        return cls(pixels[..., :colours], alpha, metadata or Metadata())

    def with_metadata(self, metadata: Metadata) -> "Picture":
        """Return the same pixels with other metadata."""
        return replace(self, metadata=metadata)

    def at_depth(self, bits: int) -> "Picture":
        """Return the picture in 8 bits, 16 bits or floats (32), rounded once.

        >>> Picture(np.ones((2, 2, 1), np.float32)).at_depth(8).colour.max()
        np.uint8(255)
        """
        if bits == self.bits:
            return self

        def rounded(stored: Shaped[np.ndarray, "h ..."]) -> Shaped[np.ndarray, "h ..."]:
            return by_rows(lambda rows: at_depth(rows, bits), stored)

        alpha = None if self.alpha is None else rounded(self.alpha)
        return replace(self, colour=rounded(self.colour), alpha=alpha)

    def array(self) -> Shaped[np.ndarray, "h w d"]:
        """Return colour and alpha in one array; the inverse of `from_array`."""
        if self.alpha is None:
            return self.colour
        return by_rows(lambda *rows: np.dstack(rows), self.colour, self.alpha)

    def colour_tensor(self) -> "torch.Tensor":
        """Return the colour as a float32 tensor (c, h, w) in which 1 is white."""
        import torch  # here, so that files can be read without torch

        planes = np.ascontiguousarray(to_float(self.colour).transpose(2, 0, 1))
        return torch.from_numpy(_apart(planes, self.colour))

    def alpha_tensor(self) -> "torch.Tensor | None":
        """Return the opacity as a float32 tensor (1, h, w) in [0, 1], or None."""
        import torch

        if self.alpha is None:
            return None
        return torch.from_numpy(np.array(to_float(self.alpha)[None]))

    def with_tensors(
        self,
        colour: "torch.Tensor",
        alpha: "torch.Tensor | None" = None,
        bits: int | None = None,
    ) -> "Picture":
        """Return a picture of these pixels, quantised once, with this picture's metadata.

        Args:
            colour: (1 or 3, h, w) on any device, in any float dtype; 1 is white.
            alpha: (1, h, w) in [0, 1].
            bits: 8, 16 or 32; None keeps the depth of this picture.
        """
        bits = bits or self.bits
        planes = colour.detach().cpu().float().numpy()
        pixels = np.ascontiguousarray(quantise(planes, bits).transpose(1, 2, 0))
        opacity = None
        if alpha is not None:
            given = alpha.detach().cpu().float().numpy()[0]
            opacity = _apart(quantise(given, bits), given)
        return replace(self, colour=_apart(pixels, planes), alpha=opacity)


def _apart(
    array: Shaped[np.ndarray, "..."], source: Shaped[np.ndarray, "..."]
) -> Shaped[np.ndarray, "..."]:
    """Return an array that does not share the memory of its source."""
    return array.copy() if np.may_share_memory(array, source) else array


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Check the size that a file's header states, before any pixel is decoded.

    Raises:
        ValueError: If there are no pixels, or more than `max_pixels`.
    """
    if width < 1 or height < 1:
        raise ValueError(f"it has no pixels ({width} × {height})")
    if width * height > max_pixels:
        raise ValueError(
            f"it has {width} × {height} pixels, more than max_pixels = {max_pixels}; "
            "raise the limit if you trust the file"
        )
