"""Image files and arrays: read, write, colour, alpha, resize.

path ──read──▶ Picture ──bleed, tensors──▶ … ──with_tensors──▶ Picture ──write──▶ path

Importing this imports pyvips and NumPy but no torch.
"""

from bigpicture.image.alpha import bleed
from bigpicture.image.colour import quantise, to_float
from bigpicture.image.formats import FORMATS
from bigpicture.image.inks import Separations
from bigpicture.image.picture import ImageError, ImageWarning, Metadata, Picture
from bigpicture.image.profile import to_srgb
from bigpicture.image.read import MAX_PIXELS, Pages, decode, read, read_pages
from bigpicture.image.write import DEFAULT_QUALITY, encode, write, write_pages

__all__ = [
    "DEFAULT_QUALITY",
    "FORMATS",
    "MAX_PIXELS",
    "ImageError",
    "ImageWarning",
    "Metadata",
    "Pages",
    "Picture",
    "Separations",
    "bleed",
    "decode",
    "encode",
    "quantise",
    "read",
    "read_pages",
    "to_float",
    "to_srgb",
    "write",
    "write_pages",
]
