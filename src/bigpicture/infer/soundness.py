"""Tell a restored tile from what an overflow leaves of one.

fp16 ends at 65504, bf16 has 8 bits; features that leave their range become infinite, then NaN, and
some networks turn that into even colours. Whoever asked for low precision can compute again.
"""

import torch

from bigpicture.compute.precision import autocasts
from bigpicture.shapes import Float, Tensor

__all__ = ["UnsoundError", "check_sound"]

_ROUNDED = 1 / 64
"""What bf16 may make of a difference: nearly even white is even white in it."""


class UnsoundError(ValueError):
    """A network made something that is no picture."""


def check_sound(
    restored: Float[Tensor, "b c H W"], low: Float[Tensor, "b c h w"]
) -> Float[Tensor, "b c H W"]:
    """Return `restored`, which a network made of `low`.

    Raises:
        UnsoundError: If it has a NaN or an infinity; or, in less than float32, if a channel of a
            picture is even, and that of `low` is not, nor as near to it as rounding could make it.
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
