"""PIQE: how much a picture's active blocks are distorted, without any training.

    (…, c, h, w) ──▶ (…)     0 to 100, lower is better; 100 for a picture without texture

The picture's MSCN levels (see `scene_statistics`) are cut into blocks of 16 × 16. A block is active
if their variance v exceeds 0.1. An active block is

    blocky     if six successive pixels on one of its four edges have a deviation below 0.1
    noisy      if √v > 2 · |√v − c| / max(√v, c), with c the deviation of its two middle columns
               divided by that of the others

and contributes 1 − v for being blocky and v for being noisy. The score is

    100 · (1 + sum of contributions) / (1 + number of active blocks)

Source: Venkatanath et al., "Blind Image Quality Evaluation Using Perception Based Features", NCC
    2015. https://doi.org/10.1109/NCC.2015.7084843
Changed: nothing from MATLAB's `piqe`, whose numbers tables print. Like that program, this one
    counts the second middle column among the others and leaves out the column after it.
"""

import torch

from bigpicture.metrics.scene_statistics import blocks_of, gray_levels, normalise
from bigpicture.shapes import Bool, Float, Tensor

__all__ = ["piqe"]

_BLOCK, _SEGMENT = 16, 6
_ACTIVE, _FLAT = 0.1, 0.1  # a variance and a deviation
_CENTRE = [7, 8]
_SURROUND = [0, 1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15]


def piqe(image: Float[Tensor, "*batch c h w"]) -> Float[Tensor, "*batch"]:
    """Return the PIQE of each picture: lower is better.

    Args:
        image: Gray or RGB; clipped to [0, 1] and rounded to 8 bits.

    Returns:
        One float64 number in [0, 100] for each picture: up to 20 is excellent, 35 good, 50 fair,
        80 poor, according to MATLAB's documentation.

    Raises:
        ValueError: If the picture is neither gray nor RGB.
    """
    pictures = image.reshape(-1, *image.shape[-3:])
    return torch.stack([_piqe(picture) for picture in pictures]).reshape(image.shape[:-3])


def _piqe(image: Float[Tensor, "c h w"]) -> Float[Tensor, ""]:
    mscn, _ = normalise(_mirrored_to_blocks(gray_levels(image)), "edge")
    blocks = blocks_of(mscn, _BLOCK)
    variance = blocks.var((-2, -1))
    active = variance > _ACTIVE
    distorted = _blocky(blocks) * (1 - variance) + _noisy(blocks, variance) * variance
    return 100 * (1 + distorted[active].sum()) / (1 + active.sum())


def _blocky(blocks: Float[Tensor, "n 16 16"]) -> Bool[Tensor, "n"]:
    edges = [blocks[:, 0], blocks[:, -1], blocks[..., 0], blocks[..., -1]]
    segments = torch.stack(edges, 1).unfold(-1, _SEGMENT, 1)
    return (segments.std(-1) < _FLAT).flatten(1).any(1)


def _noisy(blocks: Float[Tensor, "n 16 16"], variance: Float[Tensor, "n"]) -> Bool[Tensor, "n"]:
    deviation = variance.sqrt()
    centre, surround = (blocks[..., c].flatten(1).std(1) for c in (_CENTRE, _SURROUND))
    ratio = (centre / surround).nan_to_num(0)
    return deviation > 2 * (deviation - ratio).abs() / torch.maximum(deviation, ratio)


def _mirrored_to_blocks(levels: Float[Tensor, "h w"]) -> Float[Tensor, "H W"]:
    """Extend the picture to whole blocks, mirrored below and on the right, edge included."""
    for axis in (0, 1):
        side = levels.shape[axis]
        wanted = torch.arange(-(-side // _BLOCK) * _BLOCK, device=levels.device) % (2 * side)
        levels = levels.index_select(axis, torch.minimum(wanted, 2 * side - 1 - wanted))
    return levels
