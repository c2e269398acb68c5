"""Stored numbers ⇄ floats in which 1 is white; only this module changes the depth of numbers.

8 or 16 bits   ──to_float──▶ float32 ──quantise──▶ 8 or 16 bits, rounded once
10 or 12 bits  ──widen──▶ 16 bits, white to white: v · 65535 / (2ᵇ − 1), rounded
"""

import numpy as np
from jaxtyping import Float32, Shaped

BITS = {"uint8": 8, "uint16": 16, "float32": 32}
DTYPES = {bits: np.dtype(name) for name, bits in BITS.items()}


def to_float(stored: Shaped[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    """Return stored numbers as float32 in which 1 is white. Floats are returned unchanged.

    >>> to_float(np.array([0, 51, 255], np.uint8)).tolist()
    [0.0, 0.20000000298023224, 1.0]
    """
    if stored.dtype == np.float32:
        return stored
    return np.divide(stored, np.float32(np.iinfo(stored.dtype).max), dtype=np.float32)


def quantise(values: Float32[np.ndarray, "..."], bits: int) -> Shaped[np.ndarray, "..."]:
    """Return the nearest stored numbers, halves rounded to even; the inverse of `to_float`.

    Args:
        values: Floats in which 1 is white; values outside [0, 1] are clipped.
        bits: 8 or 16; 32 keeps the floats, unclipped.

    Raises:
        ValueError: If `bits` is none of these, or `values` contains NaN, which has no nearest
            level.

    >>> quantise(np.array([-1, 0.5, 2], np.float32), 8).tolist()
    [0, 128, 255]
    """
    if bits not in DTYPES:
        raise ValueError(f"bits is {bits}; it must be 8, 16 or 32")
    if np.isnan(values).any():
        raise ValueError("values has NaNs, which are no colours; run the network in float32")
    if bits == 32:
        return values
    levels = np.multiply(values, np.float32(2**bits - 1))
    np.clip(np.rint(levels, out=levels), 0, 2**bits - 1, out=levels)
    return levels.astype(DTYPES[bits])


def at_depth(stored: Shaped[np.ndarray, "..."], bits: int) -> Shaped[np.ndarray, "..."]:
    """Return stored numbers at another depth, rounded once; unchanged if they have it already.

    >>> at_depth(np.array([0, 255], np.uint8), 16).tolist()
    [0, 65535]
    """
    return stored if stored.dtype == DTYPES.get(bits) else quantise(to_float(stored), bits)


def widen(stored: Shaped[np.ndarray, "..."], bits: int) -> Shaped[np.ndarray, "..."]:
    """Stretch numbers of 10 or 12 bits, which libvips shifts up to 16, to the full 16-bit range.

    With the shift alone, white would be 65472 or 65520, and a white page would look slightly gray.

    >>> widen(np.array([0, 4095 << 4], np.uint16), 12).tolist()
    [0, 65535]
    """
    if stored.dtype != np.uint16 or bits >= 16:
        return stored
    top = 2**bits - 1
    levels = (stored >> (16 - bits)).astype(np.uint32)
    return ((levels * 65535 + top // 2) // top).astype(np.uint16)


def narrow(stored: Shaped[np.ndarray, "..."], bits: int) -> Shaped[np.ndarray, "..."]:
    """Round 16-bit numbers to 10 or 12 bits, shifted up as libvips expects; reverses `widen`.

    >>> narrow(np.array([0, 65535], np.uint16), 12).tolist()
    [0, 65520]
    """
    levels = (stored.astype(np.uint32) * (2**bits - 1) + 32767) // 65535
    return (levels << (16 - bits)).astype(np.uint16)
