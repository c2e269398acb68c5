"""The precision in which a network computes. Its input and output are always float32.

    fp32        everywhere
    bf16, fp16  convolutions and matrix products, by autocast

bf16 makes an error of about 1/255 in a picture, fp16 of 0.2/255 (U-HDN ×2; in bf16, the PSNR of the
shipped networks on Set5 changes by at most 0.005 dB): hardly visible in 8 bits, far too much for
16. bf16 takes between half of the time and almost all of it (RGT). `auto` therefore uses bf16 only
for 8-bit pictures, if a network declares it sound, and on devices with bf16 arithmetic: NVIDIA GPUs
from Ampere on, and CPUs with AVX-512 BF16, AMX, or ARM's bf16. On Apple GPUs (MPS) it uses float32.

By default, float32 convolutions on CUDA multiply mantissas of 10 bits (TF32), by whichever
algorithm seems fastest. While pictures are enlarged, they are exact to 24 bits and deterministic.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, get_args

import torch

from bigpicture.compute.precision import without_autocast
from bigpicture.compute.while_wanted import WhileWanted

__all__ = ["Precision", "computing_in", "number_format", "repeatably"]

Precision = Literal["auto", "fp32", "bf16", "fp16"]

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_UNITS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""PyTorch's names for a CPU's bf16 multiplication instructions; the last two are ARM's."""


def computing_in(
    precision: Precision,
    device: torch.device,
    bits: int = 32,
    sound: Collection[str] = ("fp32", "bf16"),
) -> AbstractContextManager[object]:
    """Return the context manager in which a network computes in `precision`.

    Args:
        precision: See the module.
        device: Where the network runs.
        bits: Depth of the picture, for `auto`.
        sound: Precisions that the network declares sound for 8 bits, for `auto`.

    Raises:
        ValueError: If `precision` is unknown.
    """
    precision = number_format(precision, device, bits, sound)
    if precision == "fp32":
        return without_autocast(device.type)
    return torch.autocast(device.type, _DTYPES[precision])


def number_format(
    precision: Precision,
    device: torch.device,
    bits: int = 32,
    sound: Collection[str] = ("fp32", "bf16"),
) -> Literal["fp32", "bf16", "fp16"]:
    """Return what `precision` is, or what "auto" chooses. Arguments are those of `computing_in`.

    Raises:
        ValueError: If `precision` is unknown.
    """
    if precision not in get_args(Precision):
        known = ", ".join(get_args(Precision))
        raise ValueError(f"precision must be one of {known}, not {precision!r}")
    if precision == "auto":
        return "bf16" if bits == 8 and "bf16" in sound and _has_units(device) else "fp32"
    return precision


def _has_units(device: torch.device) -> bool:
    """Return whether a device computes fast enough in bf16 for it to pay off."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and _cpu_has_units()


def _cpu_has_units() -> bool:
    """Return whether this CPU multiplies in bf16 and PyTorch has the library to use that."""
    if not torch.backends.mkldnn.is_available():
        return False
    capabilities = getattr(torch.cpu, "get_capabilities", None)
    if capabilities is not None:
        return any(capabilities().get(unit, False) for unit in _UNITS)
    # older PyTorch has no public function for this; if these are missing too, use float32
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in asked)


def _make_exact() -> tuple[bool, bool, bool]:
    """Make cuDNN and cuBLAS exact; return the previous settings."""
    backends = torch.backends
    before = (
        backends.cudnn.allow_tf32,
        backends.cudnn.deterministic,
        bool(backends.cuda.matmul.allow_tf32),
    )
    _allow((False, True, False))
    return before


def _allow(settings: tuple[bool, bool, bool]) -> None:
    backends = torch.backends
    backends.cudnn.allow_tf32, backends.cudnn.deterministic = settings[:2]
    backends.cuda.matmul.allow_tf32 = settings[2]


_exact = WhileWanted(_make_exact, _allow)


def repeatably(device: torch.device) -> AbstractContextManager[object]:
    """Compute in full float32 precision, with the same bits each time, also on CUDA.

    Threads may overlap in it; the last to leave restores the previous settings.
    """
    return _exact if device.type == "cuda" else nullcontext()
