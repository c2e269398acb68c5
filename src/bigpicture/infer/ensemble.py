"""Self-ensemble: the mean of a network's results on the eight flips and turns of a picture.

    (b, c, h, w) ──eight ways──▶ restore ──turned back──▶ mean (b, c, H, W)

Source: Timofte et al., "Seven Ways to Improve Example-Based Single Image Super Resolution",
    CVPR 2016, section 3.6; EDSR's "geometric self-ensemble". https://arxiv.org/abs/1511.02228
"""

from collections.abc import Callable
from itertools import product

from bigpicture.shapes import Float, Tensor

__all__ = ["self_ensemble"]


def self_ensemble(
    restore: Callable[[Tensor], Tensor],
    low: Float[Tensor, "b c h w"],
    restore_swapped: Callable[[Tensor], Tensor] | None = None,
) -> Float[Tensor, "b c H W"]:
    """Return the mean over the eight symmetries of the square, in float32.

    Args:
        restore: Any enlargement of (b, c, h, w).
        low: Pictures in [0, 1].
        restore_swapped: The same for transposed pictures, with a transposed result; `restore` if
            None.
    """
    total = None
    for swapped, *flips in product((False, True), repeat=3):
        axes = [axis for axis, flipped in zip((-2, -1), flips, strict=True) if flipped]
        turned = (low.mT if swapped else low).flip(axes).contiguous()
        enlarge = restore_swapped if swapped and restore_swapped is not None else restore
        restored = enlarge(turned).float().flip(axes)
        restored = restored.mT if swapped else restored
        total = restored if total is None else total.add_(restored)
        del turned, restored  # large, when the next are made
    assert total is not None
    return total.div_(8)
