"""Work that stays in full precision wherever it is done."""

from contextlib import AbstractContextManager, nullcontext

import torch

__all__ = ["without_autocast"]


def without_autocast(device: str) -> AbstractContextManager[object]:
    """Return a context in which autocast, where it is on for a type of device, is off."""
    # a device of shapes alone ("meta") has none
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.autocast(device, enabled=False)
    return nullcontext()
