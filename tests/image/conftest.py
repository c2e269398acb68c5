"""ICC profiles, written from the specification."""

import struct

import numpy as np
import pytest
import pyvips
from PIL import ImageCms

D50 = (0.9642, 1.0, 0.8249)
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB_FORMULA = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def xyz(*numbers: float) -> bytes:
    return b"XYZ \0\0\0\0" + fixed(*numbers)


def gamma(exponent: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256))


def samples(*values: float) -> bytes:
    levels = [round(value * 65535) for value in values]
    return b"curv\0\0\0\0" + struct.pack(f">I{len(levels)}H", len(levels), *levels)


def formula(kind: int, *numbers: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + fixed(*numbers)


def profile(space: bytes, **elements: bytes) -> bytes:
    """Return a display profile of version 4."""
    text = b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", 8, 28)
    name = text + "test".encode("utf-16-be")
    elements = {"desc": name, "cprt": name, "wtpt": xyz(*D50)} | elements
    table, body = struct.pack(">I", len(elements)), b""
    start = 128 + 4 + 12 * len(elements)
    for tag, element in elements.items():
        table += struct.pack(">4sII", tag.encode(), start + len(body), len(element))
        body += element + bytes(-len(element) % 4)
    size = start + len(body)
    head = struct.pack(">I4xI4s4s4s", size, 0x04300000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(24) + bytes(4) + fixed(*D50)
    return head.ljust(128, b"\0") + table + body


def rgb(primaries: tuple[tuple[float, ...], ...], curve: bytes) -> bytes:
    columns = {f"{c}XYZ": xyz(*column) for c, column in zip("rgb", primaries, strict=True)}
    return profile(b"RGB ", **columns, **{f"{c}TRC": curve for c in "rgb"})


def rgb_table(primaries: tuple[tuple[float, ...], ...]) -> bytes:
    """Return a profile that looks Adobe RGB's colours up, as those of scanners and printers do."""
    curve = np.round(np.linspace(0, 1, 256) ** 2.2 * 65535).astype(">u2").tobytes()
    corners = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), -1).reshape(-1, 3)
    grid = np.round(corners @ np.array(primaries) * 32768).astype(">u2").tobytes()
    head = b"mft2\0\0\0\0" + struct.pack(">4B", 3, 3, 2, 0) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    straight = np.array([0, 65535], ">u2").tobytes() * 3
    return profile(b"RGB ", A2B0=head + struct.pack(">HH", 256, 2) + curve * 3 + grid + straight)


@pytest.fixture(scope="session")
def profiles() -> dict[str, bytes]:
    """Profiles by name: sRGB's, those of wider spaces, of gray, and of CMYK."""
    curve = np.linspace(0, 1, 64) ** 1.8
    return {
        "srgb": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "display-p3": pyvips.Operation.call("profile_load", "p3"),
        "adobe-rgb": rgb(ADOBE_RGB, gamma(563 / 256)),
        "adobe-rgb-linear": rgb(ADOBE_RGB, formula(0, 1.0)),
        "adobe-rgb-sampled": rgb(ADOBE_RGB, samples(*curve)),
        "adobe-rgb-srgb-curve": rgb(ADOBE_RGB, formula(3, *SRGB_FORMULA)),
        "table": rgb_table(ADOBE_RGB),
        "gray-2.2": profile(b"GRAY", kTRC=gamma(563 / 256)),
        "gray-sampled": profile(b"GRAY", kTRC=samples(*curve)),
        "gray-srgb": profile(b"GRAY", kTRC=formula(3, *SRGB_FORMULA)),
        "cmyk": pyvips.Operation.call("profile_load", "cmyk"),
    }
