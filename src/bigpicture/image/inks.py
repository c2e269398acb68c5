"""CMYK as two pictures that a network can process: the coloured inks, and the black.

    (h, w, cmyk) ──▶ 1 − cmy as RGB, 1 − k as gray ──enlarged separately──▶ (H, W, cmyk)

What is printed in black ink alone stays so, and no inks are remixed; a round trip through RGB would
guarantee neither. The profile is kept, since it defines what the inks look like.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyvips
from jaxtyping import Shaped

from bigpicture.image.colour import to_float
from bigpicture.image.exif import said_srgb
from bigpicture.image.picture import Metadata, Picture
from bigpicture.image.profile import srgb_profile, through_profile
from bigpicture.image.spool import by_rows

_VIPS_NAMES = {8: "uchar", 16: "ushort"}


@dataclass(frozen=True, eq=False)
class Separations:
    """A CMYK picture in 8 or 16 bits, stored as light: the highest number is bare paper.

    Args:
        colour: Three channels, the absence of cyan, magenta and yellow; with the alpha, if any, and
            all metadata.
        black: One channel, the absence of black.
    """

    colour: Picture
    black: Picture

    @property
    def height(self) -> int:
        """Rows."""
        return self.colour.height

    @property
    def width(self) -> int:
        """Columns."""
        return self.colour.width

    @property
    def bits(self) -> int:
        """Depth of a channel: 8 or 16."""
        return self.colour.bits

    @property
    def metadata(self) -> Metadata:
        """Metadata of the file."""
        return self.colour.metadata

    @classmethod
    def from_array(
        cls, array: Shaped[np.ndarray, "h w d"], metadata: Metadata | None = None
    ) -> "Separations":
        """Take inks (h, w, 4), or with alpha (h, w, 5), as in files: the highest number is full.

        >>> Separations.from_array(np.array([[[0, 9, 99, 255]]], np.uint8)).black.colour.item()
        0
        """
        if array.dtype not in (np.uint8, np.uint16) or array.ndim != 3:
            raise ValueError(
                f"inks are {array.dtype} {array.shape}; give (h, w, 4) of 8 or 16 bits"
            )
        full = np.iinfo(array.dtype).max
        alpha = array[..., 4] if array.shape[2] == 5 else None
        light = by_rows(lambda rows: full - rows[..., :3], array)
        black = by_rows(lambda rows: full - rows[..., 3:4], array)
        return cls(Picture(light, alpha, metadata or Metadata()), Picture(black))

    def array(self) -> Shaped[np.ndarray, "h w d"]:
        """Return the inks and alpha as files store them, the inverse of `from_array`."""
        colour, black, alpha = self.colour.colour, self.black.colour, self.colour.alpha
        full = np.iinfo(colour.dtype).max
        opacity = () if alpha is None else (alpha,)
        return by_rows(
            lambda light, key, *rest: np.dstack([full - light, full - key, *rest]),
            colour,
            black,
            *opacity,
        )

    def with_metadata(self, metadata: Metadata) -> "Separations":
        """Return the same pixels with other metadata."""
        return replace(self, colour=self.colour.with_metadata(metadata))

    def to_srgb(self) -> Picture:
        """Return the look of the print in sRGB, by its profile: floats, computed in 16 bits.

        Without a usable profile, libvips' own CMYK profile is used.
        """
        inks = np.ascontiguousarray(self.array()[..., :4])
        height, width, _ = inks.shape
        name = _VIPS_NAMES[self.bits]
        image = pyvips.Image.new_from_memory(inks.data, width, height, 4, name)
        image = image.copy(interpretation="cmyk")
        found = through_profile(image, self.metadata.icc, depth=16, fallback="cmyk")
        colour = to_float(found.numpy().reshape(height, width, 3))
        alpha = None if self.colour.alpha is None else to_float(self.colour.alpha)
        return Picture(colour, alpha, replace(said_srgb(self.metadata), icc=srgb_profile()))
