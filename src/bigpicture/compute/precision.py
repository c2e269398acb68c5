"""In which numbers work is done, where autocast or an exact sum has a say in it."""

from contextlib import AbstractContextManager, nullcontext

import torch

from bigpicture.shapes import Tensor

__all__ = ["autocasts", "exact_dtype", "match_autocast", "without_autocast"]


def autocasts(device: str) -> bool:
    """Return whether autocast is on for a type of device; one of shapes alone ("meta") has none."""
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def without_autocast(device: str) -> AbstractContextManager[object]:
    """Return a context in which autocast, where it is on for a type of device, is off."""
    return torch.autocast(device, enabled=False) if autocasts(device) else nullcontext()


def match_autocast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return `tensors` in the precision that autocast, where it is on, gives a convolution."""
    device = tensors[0].device.type
    if not autocasts(device):
        return tensors
    dtype = torch.get_autocast_dtype(device)
    return tuple(tensor.to(dtype) for tensor in tensors)


def exact_dtype(x: Tensor) -> torch.dtype:
    """Return the precision in which parts of a picture are summed.

    Apple's GPUs have no float64; tiles are small enough for float32 there.
    """
    return torch.float32 if x.device.type == "mps" else torch.float64
