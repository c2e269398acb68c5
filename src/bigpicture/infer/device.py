"""The choice of the device on which a network runs."""

import torch

__all__ = ["choose_device"]


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `name`; "auto" takes CUDA, else MPS (Apple GPUs), else the CPU.

    Raises:
        ValueError: If the device is not available.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    # PyTorch raises RuntimeError for unknown names, numbers and kinds, AssertionError for CUDA in
    # a build without it, and ImportError for devices that need a plug-in
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"no device {name!r} here ({reason}); use auto or cpu") from error
    return device
