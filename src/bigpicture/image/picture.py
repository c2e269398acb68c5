"""A picture in memory: its pixels as stored, and what its file says beside them.

    file ──read──▶ Picture ──tensor──▶ (c, h, w) in [0, 1] ──with_tensors──▶ Picture ──write──▶ file

Pixels stay in the numbers of the file (8 or 16 bit integers, or floats), so that a picture
that is only read and written comes back unchanged. They become floats in [0, 1] on request and
are quantised once, at the end: clipped, then rounded to the nearest level, halves to the even one.

The EXIF block is a small TIFF file (directories of tagged values). The functions at the end know
just enough of it to set the orientation and to carry EXIF and IPTC into and out of TIFF files:
libvips leaves the one behind and cuts the other to a quarter.

Source: CIPA DC-008, "Exchangeable image file format for digital still cameras: Exif", section 4.6.
"""

import re
import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Shaped

from bigpicture.image.colour import BITS, quantise, to_float

if TYPE_CHECKING:
    import torch


class ImageError(ValueError):
    """A file cannot be read or written as an image: names the file and says what would do."""


class ImageWarning(UserWarning):
    """A file is written, but its format cannot hold all that the picture has."""


@dataclass(frozen=True)
class Metadata:
    r"""What an image file says beside its pixels; None where it says nothing.

    Args:
        icc: ICC profile that the stored colours refer to; None means sRGB (or its gray).
        exif: EXIF block, from `Exif\0\0` on. Its orientation is 1: pictures are stored upright.
        xmp: XMP packet, an XML text.
        iptc: IPTC-IIM records, without the Photoshop wrapping that JPEG puts around them.
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
        metadata: What else the file says.

    Raises:
        ValueError: If dtype, channels or sizes are none of these, or there is no pixel.
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
        """Whether there is one channel beside alpha."""
        return self.colour.shape[2] == 1

    @property
    def bits(self) -> int:
        """Depth of a channel: 8, 16, or 32 for floats."""
        return BITS[self.colour.dtype.name]

    @classmethod
    def from_array(
        cls, array: Shaped[np.ndarray, "..."], metadata: Metadata | None = None
    ) -> "Picture":
        """Take an array (h, w) or (h, w, 1 to 4); the second of 2 and the fourth of 4 is alpha.

        >>> Picture.from_array(np.zeros((5, 7, 4), np.uint16)).alpha.shape
        (5, 7)
        """
        pixels = array[..., None] if array.ndim == 2 else array
        if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4:
            raise ValueError(f"array has shape {array.shape}; it must be (h, w) or (h, w, 1 to 4)")
        colours = 1 if pixels.shape[2] < 3 else 3
        alpha = pixels[..., colours] if pixels.shape[2] > colours else None
        return cls(pixels[..., :colours], alpha, metadata or Metadata())

    def array(self) -> Shaped[np.ndarray, "h w d"]:
        """Return colour and alpha in one array, the inverse of `from_array`."""
        return self.colour if self.alpha is None else np.dstack([self.colour, self.alpha])

    def colour_tensor(self) -> "torch.Tensor":
        """Return the colour as a float32 tensor (c, h, w), 1 is white."""
        import torch  # here, so that files can be read where there is no torch

        planes = np.ascontiguousarray(to_float(self.colour).transpose(2, 0, 1))
        return torch.from_numpy(planes if planes.flags.writeable else planes.copy())

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
        """Return a picture of these pixels, quantised once, with this one's metadata.

        Args:
            colour: (1 or 3, h, w), any float dtype and device, 1 is white.
            alpha: (1, h, w) in [0, 1].
            bits: 8, 16 or 32; as this picture's if None.
        """
        bits = bits or self.bits
        planes = colour.detach().cpu().float().numpy()
        opacity = None if alpha is None else alpha.detach().cpu().float().numpy()[0]
        return replace(
            self,
            colour=np.ascontiguousarray(quantise(planes, bits).transpose(1, 2, 0)),
            alpha=None if opacity is None else quantise(opacity, bits),
        )


# A directory of an EXIF block: tag → (type, count, value in little-endian bytes).
Directory = dict[int, tuple[int, int, bytes]]
EXIF_HEADER = b"Exif\0\0"
_ORIENTATION = 0x0112
_EXPOSURE, _PLACE = 0x8769, 0x8825  # tags that point to directories: of the exposure, of GPS
_INTEROPERABILITY = 0xA005  # points to a directory that says nothing about a changed picture
_WIDTH, _HEIGHT = 0xA002, 0xA003
# What a TIFF's first directory says about the picture and not about how its pixels lie:
# description, make, model, software, date, artist, copyright.
_DESCRIPTIVE = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
_SIZES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4)  # bytes of a value of each type
_WORDS = (0, 1, 1, 2, 4, 4, 1, 1, 2, 4, 4, 4, 8, 4)  # bytes that a byte order swaps
_LONG, _UNDEFINED = 4, 7
_IPTC = 0x83BB


def upright(metadata: Metadata) -> Metadata:
    """Return `metadata` with orientation 1 in EXIF and XMP: the pixels have been turned."""
    exif, xmp = metadata.exif, metadata.xmp
    if exif is not None:
        tiff = bytearray(exif[len(EXIF_HEADER) :])
        order = ">" if tiff[:2] == b"MM" else "<"
        for position, tag, _, _ in _entries(bytes(tiff), _pointer(tiff, 4, order), order):
            if tag == _ORIENTATION:  # overwritten in place, so that no maker's note moves
                struct.pack_into(order + "HIHH", tiff, position + 2, 3, 1, 1, 0)
        exif = EXIF_HEADER + bytes(tiff)
    if xmp is not None:
        xmp = re.sub(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)[2-8]", rb"\g<1>1", xmp)
    return replace(metadata, exif=exif, xmp=xmp)


def read_tiff(file: bytes, metadata: Metadata) -> Metadata:
    """Return `metadata` with the EXIF and IPTC that a TIFF file's directories say, if any."""
    main = read_directory(file)
    kept = {tag: main[tag] for tag in _DESCRIPTIVE if tag in main}
    parts = {tag: read_directory(file, main[tag][2]) for tag in (_EXPOSURE, _PLACE) if tag in main}
    exif = None
    if kept or any(parts.values()):
        header = struct.pack("<2sHI", b"II", 42, 8)
        exif = EXIF_HEADER + header + write_directories(kept, parts, len(header))
    iptc = main[_IPTC][2] if _IPTC in main else None
    return replace(metadata, exif=exif, iptc=iptc)


def write_tiff(file: bytes, picture: Picture) -> bytes:
    """Return a little-endian TIFF `file` of `picture` that also says its EXIF and IPTC.

    A directory with the old entries and the new ones is appended and takes the first one's place.
    """
    metadata, main = picture.metadata, read_directory(file)
    block = (metadata.exif or b"")[len(EXIF_HEADER) :]
    said = read_directory(block)
    parts = {tag: read_directory(block, said[tag][2]) for tag in (_EXPOSURE, _PLACE) if tag in said}
    if _EXPOSURE in parts:
        for tag, side in ((_WIDTH, picture.width), (_HEIGHT, picture.height)):
            parts[_EXPOSURE][tag] = (_LONG, 1, struct.pack("<I", side))
    added = {tag: said[tag] for tag in _DESCRIPTIVE if tag in said}
    if metadata.iptc:
        added[_IPTC] = (_UNDEFINED, len(metadata.iptc), metadata.iptc)
    if file[:4] != b"II*\0" or not main or not (added or parts):
        return file
    file += b"\0" * (len(file) % 2)
    appended = write_directories(main | added, parts, len(file))
    return file[:4] + struct.pack("<I", len(file)) + file[8:] + appended


def read_directory(tiff: bytes, pointer: bytes | None = None) -> Directory:
    """Return a directory of a TIFF or EXIF block; entries that make no sense are left out.

    Args:
        tiff: The block, from its byte order mark on.
        pointer: Little-endian position of the directory; None takes the first one.
    """
    order = ">" if tiff[:2] == b"MM" else "<"
    start = _pointer(tiff, 4, order) if pointer is None else _pointer(pointer, 0, "<")
    directory: Directory = {}
    for position, tag, kind, count in _entries(tiff, start, order):
        size = _SIZES[kind] * count
        at = position + 8 if size <= 4 else _pointer(tiff, position + 8, order)
        value = tiff[at : at + size]
        if len(value) == size and tag != _INTEROPERABILITY:
            word = f"u{_WORDS[kind]}"
            little = np.frombuffer(value, order + word).astype("<" + word).tobytes()
            directory[tag] = (kind, count, little)
    return directory


def write_directories(main: Directory, parts: dict[int, Directory], start: int) -> bytes:
    """Return little-endian directories that lie at `start` of their file, `main` the first.

    Args:
        main: Entries of the first directory.
        parts: Directories it points to, by the tag that does.
        start: Even position of the first byte.
    """
    parts = {tag: part for tag, part in parts.items() if part}
    main = {tag: entry for tag, entry in main.items() if tag not in (_EXPOSURE, _PLACE)}
    unset = {tag: (_LONG, 1, bytes(4)) for tag in parts}
    following = start + len(_write_directory(main | unset, start))
    written, pointers = b"", {}
    for tag, part in parts.items():
        pointers[tag] = (_LONG, 1, struct.pack("<I", following + len(written)))
        written += _write_directory(part, following + len(written))
    return _write_directory(main | pointers, start) + written


def _write_directory(directory: Directory, start: int) -> bytes:
    entries, values = struct.pack("<H", len(directory)), b""
    behind = start + 2 + 12 * len(directory) + 4
    for tag, (kind, count, value) in sorted(directory.items()):
        fits = len(value) <= 4
        inline = value.ljust(4, b"\0") if fits else struct.pack("<I", behind + len(values))
        entries += struct.pack("<HHI", tag, kind, count) + inline
        values += b"" if fits else value + b"\0" * (len(value) % 2)
    return entries + bytes(4) + values


def _entries(tiff: bytes, start: int, order: str) -> list[tuple[int, int, int, int]]:
    """Return position, tag, type and count of a directory's entries, as far as they are there."""
    if tiff[:4] not in (b"II*\0", b"MM\0*") or not 8 <= start <= len(tiff) - 2:
        return []  # BigTIFF, whose entries are wider, has none either
    (entries,) = struct.unpack_from(order + "H", tiff, start)
    inside = min(entries, (len(tiff) - start - 2) // 12)
    positions = [start + 2 + 12 * index for index in range(inside)]
    found = [(at, *struct.unpack_from(order + "HHI", tiff, at)) for at in positions]
    return [entry for entry in found if 0 < entry[2] < len(_SIZES)]


def _pointer(block: bytes | bytearray, position: int, order: str) -> int:
    inside = position + 4 <= len(block)
    return struct.unpack_from(order + "I", block, position)[0] if inside else 0
