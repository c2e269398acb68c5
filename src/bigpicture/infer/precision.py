"""In which numbers a network computes. Pictures go in and come out in float32 whatever they are.

    fp32        everywhere
    bf16, fp16  convolutions and matrix products, by autocast

bf16 makes an error of about 1/255 in a picture, fp16 of 0.2/255 (U-HDN ×2): little to see in 8
bits, far too much for 16. `auto` hence takes bf16 only for 8-bit pictures, and only on CUDA, where
it pays.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, get_args

import torch

__all__ = ["Precision", "computing_in"]

Precision = Literal["auto", "fp32", "bf16", "fp16"]

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def computing_in(
    precision: Precision, device: torch.device, bits: int = 32
) -> AbstractContextManager[object]:
    """Return the context in which a network computes in `precision`.

    Args:
        precision: See the module.
        device: Where the network runs.
        bits: Depth of the picture, for `auto`.

    Raises:
        ValueError: If `precision` is none of these.
    """
    if precision not in get_args(Precision):
        known = ", ".join(get_args(Precision))
        raise ValueError(f"precision must be one of {known}, not {precision!r}")
    if precision == "auto":
        pays = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bf16" if pays and bits == 8 else "fp32"
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, _DTYPES[precision])
