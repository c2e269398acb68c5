"""Pictures on which seams between tiles would show: (3, h, w) in [0, 1], of any size.

Flat gray shows a tile that is lighter or darker than its neighbour, and film grain one that smooths
more. Lines at 45° show seams where they break, or change their width or contrast.
"""

from collections.abc import Callable

import torch

from bigpicture.image.resize import resize
from bigpicture.shapes import Float, Tensor

__all__ = ["PATTERNS"]

_LEVEL, _GRAIN, _PERIOD = 0.5, 0.06, 7.0


def gray(height: int, width: int) -> Float[Tensor, "3 h w"]:
    """Return the same level everywhere."""
    return torch.full((3, height, width), _LEVEL)


def grain(height: int, width: int) -> Float[Tensor, "3 h w"]:
    """Return grain of about two pixels, shared by all colours, plus a fifth as much in each."""
    chance = torch.Generator().manual_seed(0)
    fine = torch.randn(1, 4, height * 3 // 2, width * 3 // 2, generator=chance)
    soft = resize(fine, size=(height, width))[0]
    drawn = soft[:1] + 0.2 * soft[1:]
    return (_LEVEL + _GRAIN * drawn / drawn.std()).clamp(0, 1)


def lines(height: int, width: int) -> Float[Tensor, "3 h w"]:
    """Return dark lines on a light background, as soft as a lens makes them."""
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    wave = torch.sin((rows + columns) * (2 * torch.pi / _PERIOD))
    return (_LEVEL + 0.35 * torch.tanh(2 * wave)).expand(3, -1, -1).contiguous()


PATTERNS: dict[str, Callable[[int, int], Tensor]] = {"gray": gray, "grain": grain, "lines": lines}
"""Functions of height and width, by name."""
