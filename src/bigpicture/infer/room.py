"""Whether memory has room for whole pictures as floats while they are enlarged.

    low ──▶ pass ──▶ pass ──▶ one axis ──▶ both ──▶ matched, clipped, rounded

Each stage is made from the one before, so two or three exist at once. Tiles come on top; they can
be made smaller where necessary, but these pictures cannot.
"""

import sys
from math import prod

import torch

from bigpicture.infer.kinds import Planes
from bigpicture.infer.memory import free_bytes, is_out_of_memory
from bigpicture.infer.plan import Plan
from bigpicture.infer.stored import Stored
from bigpicture.shapes import Tensor

__all__ = ["bytes_held", "check_room", "room_for"]

_LITTLE = 2**28  # bytes of floats that fit on any computer


def check_room(planes: Planes, plan: Plan, ensemble: bool, match_low: bool) -> None:
    """Refuse an enlargement for which the system would kill the process.

    Arguments are those of `bytes_held`.

    Raises:
        MemoryError: If less memory is free than `bytes_held` returns.
    """
    needed, device = bytes_held(planes, plan, ensemble, match_low), planes.colour.device
    if needed < _LITTLE or not (sys.platform == "linux" or device.type == "cuda"):
        return  # elsewhere, the free memory is only estimated
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
    """Return the most bytes that whole pictures take at once, as floats.

    Args:
        planes: The picture to enlarge.
        plan: Its sizes and passes.
        ensemble: Whether each pass is a mean of several results.
        match_low: Whether the result is matched with the original.
    """
    images, channels, high, wide = planes.colour.shape
    stays = high * wide if match_low or not isinstance(planes.colour, Stored) else 0
    before, most = high * wide - stays, 0
    for each in plan.passes:
        made = prod(each.size)
        # for an ensemble: the sum, the next result, and that result before it was turned back
        most = max(most, before + made * (3 if ensemble else 1))
        before, (high, wide) = made, each.size
    rows, columns = plan.size
    if (high, wide) != plan.size:
        # one axis after the other, in the order that needs less memory
        between = rows * wide if rows * wide <= high * columns else high * columns
        most = max(most, before + between + rows * columns)
    # matching holds the old result, the new one and the correction; otherwise the result is
    # clipped, and then rounded as floats
    last = 3 if match_low or planes.bits < 32 else 2
    most = max(most, last * rows * columns)
    return 4 * images * (channels + (planes.alpha is not None)) * (stays + most)


def room_for(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Return a float32 tensor for a result that is yet to be computed.

    Raises:
        MemoryError: If it does not fit, whatever the tiles.
    """
    try:
        return torch.empty(shape, dtype=torch.float32, device=device)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryError(
            f"{shape[-1]} × {shape[-2]} pixels are {4 * prod(shape) / 2**30:.1f} GiB as floats, "
            "which do not fit into memory; give a smaller size"
        ) from error
