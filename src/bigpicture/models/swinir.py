"""SwinIR: image restoration with the Swin Transformer, also one of the backbones of CiaoSR.

    (b, 3, h, w) ──Swin Transformer groups──▶ (b, c, h, w) ──head──▶ (b, 3, r·h, r·w)

The published sizes, whose checkpoints load, are `swinir` (classical), `swinir_light`, and two for
photographs of unknown degradation, `swinir_real` and `swinir_real_l`. With 0.9 M parameters,
`swinir_light` is also small enough to train on a CPU.

Source: Liang et al., "SwinIR: Image Restoration Using Swin Transformer", ICCV Workshops 2021.
    https://arxiv.org/abs/2108.10257
"""

from bigpicture.models.backbones.swinir import SwinIRSettings
from bigpicture.models.heads.direct import DirectSettings
from bigpicture.models.heads.nearest import NearestSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import NetworkSettings

__all__ = ["swinir", "swinir_light", "swinir_real", "swinir_real_l"]


def swinir(scale: int) -> NetworkSettings:
    """Return the classical SwinIR, 11.8 M parameters."""
    return NetworkSettings(SwinIRSettings(), SubPixelSettings(scale=scale, width=64))


def swinir_light(scale: int) -> NetworkSettings:
    """Return the lightweight SwinIR, 0.88 M parameters at ×2."""
    backbone = SwinIRSettings(channels=60, depths=(6, 6, 6, 6), heads=(6, 6, 6, 6))
    return NetworkSettings(backbone, DirectSettings(scale=scale))


def swinir_real(scale: int) -> NetworkSettings:
    """Return SwinIR for photographs of unknown degradation, 11.7 M parameters at ×4."""
    return NetworkSettings(SwinIRSettings(), NearestSettings(scale=scale))


def swinir_real_l(scale: int) -> NetworkSettings:
    """Return the large SwinIR for photographs of unknown degradation, 28.0 M parameters at ×4."""
    backbone = SwinIRSettings(channels=240, depths=(6,) * 9, heads=(8,) * 9, connection="3conv")
    return NetworkSettings(backbone, NearestSettings(scale=scale))
