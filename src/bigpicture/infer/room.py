"""Whether the floats of a whole picture, on its way to a larger one, have room in memory.

    low ──▶ pass ──▶ pass ──▶ one axis ──▶ both ──▶ matched, clipped, rounded

Each is made of the one before, so that two or three are there at once. Tiles come on top; they
become smaller where they must, which these cannot.
"""

import sys
from math import prod

from bigpicture.infer.kinds import Planes
from bigpicture.infer.memory import free_bytes
from bigpicture.infer.plan import Plan
from bigpicture.infer.stored import Stored

__all__ = ["bytes_held", "check_room"]

_LITTLE = 2**28  # bytes of floats that any computer has


def check_room(planes: Planes, plan: Plan, ensemble: bool, match_low: bool) -> None:
    """Refuse what would otherwise end the process, with all that else is to be done.

    Arguments are those of `bytes_held`.

    Raises:
        MemoryError: If there is less memory than that.
    """
    needed, device = bytes_held(planes, plan, ensemble, match_low), planes.colour.device
    if needed < _LITTLE or not (sys.platform == "linux" or device.type == "cuda"):
        return  # elsewhere, what is free is only guessed
    free = free_bytes(device)
    if needed > free:
        size = max((plan.size, *(each.size for each in plan.passes)), key=prod)
        raise MemoryError(
            f"{size[1]} × {size[0]} pixels, with what they are made of, are {needed / 2**30:.1f} "
            f"GiB as floats, and {free / 2**30:.1f} GiB of memory are free; give a smaller size. "
            "At a network's own scale, pictures of 8 or 16 bits without transparency need not be "
            "in memory"
        )


def bytes_held(planes: Planes, plan: Plan, ensemble: bool, match_low: bool) -> int:
    """Return the most bytes of whole pictures that there are at once, as floats.

    Args:
        planes: What is enlarged.
        plan: To what, by which passes.
        ensemble: Whether each pass is a mean of several results.
        match_low: Whether the result is matched with what it was made of.
    """
    images, channels, high, wide = planes.colour.shape
    stays = high * wide if match_low or not isinstance(planes.colour, Stored) else 0
    before, most = high * wide - stays, 0
    for each in plan.passes:
        made = prod(each.size)
        # of an ensemble: the sum, what is added to it, and that before it was turned back
        most = max(most, before + made * (3 if ensemble else 1))
        before, (high, wide) = made, each.size
    rows, columns = plan.size
    if (high, wide) != plan.size:
        # one axis after the other, first the one that becomes smaller
        between = rows * wide if rows * wide <= high * columns else high * columns
        most = max(most, before + between + rows * columns)
    # matched: as it was, as it is, and its correction; else clipped, and then rounded in floats
    last = 3 if match_low or planes.bits < 32 else 2
    most = max(most, last * rows * columns)
    return 4 * images * (channels + (planes.alpha is not None)) * (stays + most)
