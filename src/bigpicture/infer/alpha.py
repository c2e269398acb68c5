"""Enlarging opacity: as sharp as the network draws it, flat where it was flat.

    (b, 1, h, w) ──network, as a gray picture──▶ ──clamped to the range of 2×2 neighbours──▶

The network draws a cut-out's edge as sharply as its colours; bicubic edges are twice as wide and
show as a haze around them. But a network does not return 0 and 1 exactly: 254/255 in an opaque
area is a stain on any background, and an edge sharper than those of photographs rings, which shows
as a faint second outline. So each pixel is clamped to the range of the four low-resolution pixels
around it (those of bilinear interpolation). Constant opacity stays constant, to the bit.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from bigpicture.image.alpha import bleed
from bigpicture.shapes import Float, Tensor

__all__ = ["bleed_colours", "enlarge_alpha", "is_flat"]


def is_flat(alpha: Float[Tensor, "b 1 h w"]) -> bool:
    """Return whether opacity is constant within each picture."""
    return bool((alpha.amax((2, 3)) == alpha.amin((2, 3))).all())


def enlarge_alpha(
    restore: Callable[[Tensor], Tensor], alpha: Float[Tensor, "b 1 h w"], size: tuple[int, int]
) -> Float[Tensor, "b 1 H W"]:
    """Return opacity of a larger `size`, within the range of the four surrounding pixels.

    Args:
        restore: Enlarges gray pictures to `size`. Not called if opacity is flat.
        alpha: Opacity in [0, 1].
        size: Height and width of the result.
    """
    high, low = _highest_around(alpha, size), -_highest_around(-alpha, size)
    if is_flat(alpha):
        return high
    return torch.minimum(torch.maximum(restore(alpha), low), high)


def bleed_colours(
    colour: Float[Tensor, "b c h w"], alpha: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b c h w"]:
    """Return `colour` with the colours of visible pixels spread into invisible ones."""
    if bool((alpha > 0).all()):
        return colour
    planes = colour.permute(0, 2, 3, 1).cpu().numpy()
    opacity = alpha[:, 0].cpu().numpy()
    filled = np.stack([bleed(*each) for each in zip(planes, opacity, strict=True)])
    return torch.from_numpy(filled).permute(0, 3, 1, 2).contiguous().to(colour.device)


def _highest_around(x: Float[Tensor, "b 1 h w"], size: tuple[int, int]) -> Float[Tensor, "b 1 H W"]:
    """Return, for each pixel of the fine grid, the highest of the four coarse ones around it."""
    cells = F.max_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 2, 1)
    # cells lie between the centres of coarse pixels, hence the shift of half a coarse pixel
    rows, columns = (
        ((2 * torch.arange(fine, device=x.device) + 1) * coarse + fine) // (2 * fine)
        for fine, coarse in zip(size, x.shape[-2:], strict=True)
    )
    return cells[..., rows, :][..., columns]
