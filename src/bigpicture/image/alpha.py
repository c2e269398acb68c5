"""Colour for invisible pixels: transparent pixels take the colour of nearby visible ones.

    (h, w, c), (h, w) ──pull──▶ (h/2, w/2), (h/4, w/4), … ──push──▶ (h, w, c)

The colour that a file stores where alpha is 0 is arbitrary, usually black. A network or filter that
looks across an edge mixes it into the visible side, which gives enlarged cut-outs a dark fringe.
This module averages colours down a pyramid, weighted by alpha, until each average includes a
visible pixel, then interpolates them back up into the invisible pixels. The time is linear in the
number of pixels.

Source: Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.3 (push-pull). Changed: visible
    pixels keep their stored values, whatever their alpha; the result stays within their range.
"""

import numpy as np
from jaxtyping import Float32, Shaped

from bigpicture.image.colour import BITS, quantise, to_float


def bleed(
    colour: Shaped[np.ndarray, "h w c"], alpha: Shaped[np.ndarray, "h w"]
) -> Shaped[np.ndarray, "h w c"]:
    """Return `colour`, continued smoothly into the pixels where `alpha` is 0.

    Args:
        colour: uint8, uint16 or float32, not multiplied by alpha.
        alpha: Opacity in the same dtype. Pixels above 0 keep their values exactly.

    A picture without visible pixels, or without invisible ones, is returned unchanged.

    >>> bleed(np.array([[[9], [0]]], np.uint8), np.array([[1, 0]], np.uint8)).tolist()
    [[[9], [9]]]
    """
    visible = alpha > 0
    if visible.all() or not visible.any():
        return colour
    weight = np.clip(to_float(alpha), 0, 1)
    coarse, coarse_weight = _pull(to_float(colour) * weight[..., None], weight)
    hidden = ~visible
    spread = _push(_fill(coarse, coarse_weight), *alpha.shape)[hidden]
    seen = colour[visible]
    filled = colour.copy()
    # Averages of equal floats differ in the last digit; clipping to the visible range corrects it.
    spread = quantise(spread, BITS[colour.dtype.name])
    filled[hidden] = np.clip(spread, seen.min(axis=0), seen.max(axis=0))
    return filled


def _fill(
    weighted: Float32[np.ndarray, "h w c"], weight: Float32[np.ndarray, "h w"]
) -> Float32[np.ndarray, "h w c"]:
    """Return averages, completed by coarser ones where they weigh less than one opaque pixel."""
    average = weighted / np.maximum(weight, np.float32(1e-30))[..., None]
    if weight.size == 1 or weight.min() >= 1:
        return average
    coarse = _push(_fill(*_pull(weighted, weight)), *weight.shape)
    trust = np.minimum(weight, 1)[..., None]
    return trust * average + (1 - trust) * coarse


def _pull(
    weighted: Float32[np.ndarray, "h w c"], weight: Float32[np.ndarray, "h w"]
) -> tuple[Float32[np.ndarray, "h2 w2 c"], Float32[np.ndarray, "h2 w2"]]:
    """Return sums over squares of 2 × 2 pixels; at an odd side, the squares are cut off."""
    height, width = weight.shape
    rows, columns = np.arange(0, height, 2), np.arange(0, width, 2)

    def halve(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)

    return halve(weighted), halve(weight)


def _push(
    coarse: Float32[np.ndarray, "h2 w2 c"], height: int, width: int
) -> Float32[np.ndarray, "h w c"]:
    """Return the linear interpolation on a grid twice as fine, cut to `height` and `width`."""
    return _double(_double(coarse, height, 0), width, 1)


def _double(coarse: np.ndarray, size: int, axis: int) -> np.ndarray:
    # The centre of a fine pixel lies a quarter of a coarse pixel away from the coarse centre.
    lines = np.moveaxis(coarse, axis, 0)
    before = np.concatenate([lines[:1], lines[:-1]])
    after = np.concatenate([lines[1:], lines[-1:]])
    pair = np.stack([0.75 * lines + 0.25 * before, 0.75 * lines + 0.25 * after], axis=1)
    fine = pair.reshape(-1, *lines.shape[1:])[:size]
    return np.moveaxis(fine, 0, axis)
