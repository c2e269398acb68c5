"""Detecting restored tiles that an overflow has destroyed.

fp16 ends at 65504, and bf16 has 8 bits of precision; features beyond the range become infinite,
then NaN, and some networks turn these into even colours. The caller can then compute again in
higher precision.
"""

import torch

from bigpicture.compute.precision import autocasts
from bigpicture.shapes import Float, Tensor

__all__ = ["UnsoundError", "check_sound"]

_ROUNDED = 1 / 64
"""The largest difference that bf16 may round away: nearly even white becomes even white in it."""


class UnsoundError(ValueError):
    """A network's output is not a picture."""


def check_sound(
    restored: Float[Tensor, "b c H W"], low: Float[Tensor, "b c h w"]
) -> Float[Tensor, "b c H W"]:
    """Return `restored`, which a network made of `low`.

    Raises:
        UnsoundError: If it has a NaN or an infinity; or, under autocast, if a channel of a picture
            is even, and that of `low` is neither even nor as close to that value as rounding could
            bring it.
    """
    least, greatest = restored.detach().float().flatten(2).aminmax(dim=-1)
    if not (least.isfinite().all() and greatest.isfinite().all()):
        raise UnsoundError("the network made NaN or infinite values")
    if autocasts(restored.device.type):
        darkest, brightest = low.detach().float().flatten(2).aminmax(dim=-1)
        off = torch.maximum(brightest - least, least - darkest)
        lost = (least == greatest) & (darkest < brightest) & (off > _ROUNDED)
        if lost.any():
            value = least[lost][0].item()
            raise UnsoundError(f"the network made an even {value:g} of a picture that is not")
    return restored
