"""Compression: a picture stored in a lossy file and read back, by a real encoder and decoder.

    (c, h, w) ──8 bits──▶ JPEG or WebP file, in memory ──▶ (c, h, w) in levels of 1/255

The encoders are those of libvips (libjpeg-turbo or mozjpeg, libwebp), so the result depends on
their versions, as it does in real programs. Chroma is stored at half resolution, as cameras and web
sites do.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyvips
import torch

from bigpicture.degrade.levels import to_levels
from bigpicture.degrade.recorded import Recorded
from bigpicture.image import ImageError, decode
from bigpicture.image.formats import LARGEST_SIDE
from bigpicture.shapes import Float, Tensor

__all__ = ["Codec", "Compression"]

Codec = Literal["jpeg", "webp"]


@dataclass(frozen=True)
class Compression(Recorded):
    """Compression by storing the picture in a lossy file.

    Attributes:
        codec: Format of the file.
        quality: Quality setting of the encoder, 1 to 100.

    Raises:
        ValueError: If `quality` is outside 1 to 100.
    """

    codec: Codec
    quality: int
    kind: Literal["compression"] = "compression"

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality is {self.quality}; give 1 to 100")

    def apply(self, image: Float[Tensor, "c h w"], low: tuple[int, int]) -> Float[Tensor, "c h w"]:
        """Return the picture as it is read back from the file.

        Raises:
            ImageError: If the format cannot hold so large a picture.
        """
        side, limit = max(image.shape[-2:]), LARGEST_SIDE[self.codec]
        if side > limit:
            raise ImageError(f"{self.codec} holds {limit} pixels a side, not {side}")
        levels = to_levels(image).to(torch.uint8)
        stored = levels.permute(1, 2, 0).contiguous().cpu().numpy()
        pixels = decode(self._encoded(stored), name=f"the {self.codec}").colour
        if pixels.shape[2] > len(image):  # WebP has no gray: three channels, equal up to rounding
            pixels = pixels[..., 1:2]
        planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
        return planes.to(image) / 255

    def _encoded(self, stored: np.ndarray) -> bytes:
        height, width, bands = stored.shape
        image = pyvips.Image.new_from_memory(stored.data, width, height, bands, "uchar")
        image = image.copy(interpretation="b-w" if bands == 1 else "srgb")
        if self.codec == "webp":
            return image.webpsave_buffer(Q=self.quality, keep=0)
        return image.jpegsave_buffer(Q=self.quality, subsample_mode="on", keep=0)
