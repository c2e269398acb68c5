"""Image files and arrays: read, write, colour, alpha, resize.

path ──read──▶ Picture ──bleed, tensors──▶ … ──with_tensors──▶ Picture ──write──▶ path

Importing this imports pyvips and NumPy but no torch.
"""

from bigpicture.image.alpha import bleed
from bigpicture.image.colour import quantise, to_float
from bigpicture.image.picture import ImageError, ImageWarning, Metadata, Picture
from bigpicture.image.read import MAX_PIXELS, decode, read
from bigpicture.image.write import DEFAULT_QUALITY, FORMATS, encode, write

__all__ = [
    "DEFAULT_QUALITY",
    "FORMATS",
    "MAX_PIXELS",
    "ImageError",
    "ImageWarning",
    "Metadata",
    "Picture",
    "bleed",
    "decode",
    "encode",
    "quantise",
    "read",
    "to_float",
    "write",
]
