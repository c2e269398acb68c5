"""Where a network runs."""

import torch

__all__ = ["choose_device"]


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `name`; "auto" takes CUDA, else Apple's GPU, else the CPU.

    Raises:
        ValueError: If there is no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    # PyTorch says it in several ways: RuntimeError for names, numbers and kinds that it has not got
    # here, AssertionError for CUDA in a build without it, ImportError for what a plug-in brings
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"no device {name!r} here ({reason}); use auto or cpu") from error
    return device
