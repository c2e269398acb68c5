"""Choice of precision under autocast and for exact sums."""

from contextlib import AbstractContextManager, nullcontext

import torch

from bigpicture.shapes import Tensor

__all__ = ["autocasts", "exact_dtype", "match_autocast", "without_autocast"]


def autocasts(device: str) -> bool:
    """Return whether autocast is on for a device type; the "meta" device never has it."""
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def without_autocast(device: str) -> AbstractContextManager[object]:
    """Return a context in which autocast is off for a device type."""
    return torch.autocast(device, enabled=False) if autocasts(device) else nullcontext()


def match_autocast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Cast `tensors` as autocast casts what goes into a convolution, which leaves float64 alone."""
    device = tensors[0].device.type
    if not autocasts(device):
        return tensors
    dtype = torch.get_autocast_dtype(device)
    return tuple(t if t.dtype == torch.float64 else t.to(dtype) for t in tensors)


def exact_dtype(x: Tensor) -> torch.dtype:
    """Return the dtype in which parts of a picture are summed.

    Apple GPUs (MPS) have no float64; tiles are small enough for float32 there.
    """
    return torch.float32 if x.device.type == "mps" else torch.float64
