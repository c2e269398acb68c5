"""Colours that a TIFF stores multiplied by their opacity (associated alpha, as GIMP writes it).

    p ──libvips──▶ ⌊p · white / alpha⌋ ──▶ p ──▶ p · white / alpha, rounded

libvips divides them by alpha while reading, but truncates instead of rounding, so the colours are
half a level too dark on average. The stored value p can be recovered from the truncated quotient,
since alpha is at most white. For gray floats, libvips takes 255 for white.
"""

import struct

import numpy as np
from jaxtyping import Shaped

from bigpicture.image.content import Content
from bigpicture.image.directories import read_directory

__all__ = ["is_associated", "rounded_quotients"]

_EXTRA_SAMPLES = 0x0152
_ASSOCIATED = struct.pack("<H", 1)


def is_associated(tiff: Content, start: int) -> bool:
    """Return whether the colours of a page, by its directory, are multiplied by its opacity."""
    main = read_directory(tiff, struct.pack("<Q", start), (_EXTRA_SAMPLES,))
    return _EXTRA_SAMPLES in main and main[_EXTRA_SAMPLES][2][:2] == _ASSOCIATED


def rounded_quotients(pixels: Shaped[np.ndarray, "h w d"]) -> Shaped[np.ndarray, "h w d"]:
    """Return gray or RGB with alpha, correcting how libvips divided the colours by alpha.

    >>> rounded_quotients(np.array([[[99, 128]]], np.uint8))  # of 50, which gives 99.6
    array([[[100, 128]]], dtype=uint8)
    """
    colour, alpha = pixels[..., :-1], pixels[..., -1:]
    if pixels.dtype == np.float32:
        return pixels if colour.shape[2] == 3 else np.dstack([colour / np.float32(255), alpha])
    white = np.iinfo(pixels.dtype).max
    opacity = np.maximum(alpha, 1).astype(np.int64)
    product = -(-colour.astype(np.int64) * opacity // white)
    nearest = np.minimum((2 * product * white + opacity) // (2 * opacity), white)
    return np.dstack([nearest.astype(pixels.dtype), alpha])
