"""Tell a restored tile from what an overflow leaves of one.

fp16 ends at 65504, bf16 has 8 bits; features that leave their range become infinite, then NaN, and
some networks turn that into an even black. Whoever asked for low precision can compute again.
"""

from bigpicture.compute.precision import autocasts
from bigpicture.shapes import Float, Tensor

__all__ = ["UnsoundError", "check_sound"]


class UnsoundError(ValueError):
    """A network made something that is no picture."""


def check_sound(
    restored: Float[Tensor, "b c H W"], low: Float[Tensor, "b d h w"]
) -> Float[Tensor, "b c H W"]:
    """Return `restored`, which a network made of `low`.

    Raises:
        UnsoundError: If it has a NaN or an infinity; or, in less than float32, if it is even and
            `low` is not.
    """
    least, greatest = restored.detach().float().aminmax()
    if not (least.isfinite() and greatest.isfinite()):
        raise UnsoundError("the network made NaN or infinite values")
    low_precision = autocasts(restored.device.type)
    if low_precision and least == greatest and low.amax() > low.amin():
        raise UnsoundError(f"the network made an even {least.item():g} of a picture that is not")
    return restored
