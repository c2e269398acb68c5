"""EDSR, the enhanced deep residual network, in its two published sizes.

    (b, 3, h, w) ──residual blocks──▶ (b, c, h, w) ──sub-pixel head──▶ (b, 3, r·h, r·w)

Source: Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017.
    https://arxiv.org/abs/1707.02921
"""

from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import NetworkSettings

__all__ = ["edsr", "edsr_baseline"]


def edsr_baseline(scale: int) -> NetworkSettings:
    """Return EDSR-baseline, 16 blocks of 64 channels, 1.37 M parameters at ×2."""
    return _with_head(EDSRSettings(), scale)


def edsr(scale: int) -> NetworkSettings:
    """Return EDSR, 32 blocks of 256 channels, 40.7 M parameters at ×2."""
    return _with_head(EDSRSettings(channels=256, blocks=32, residual_scale=0.1), scale)


def _with_head(backbone: EDSRSettings, scale: int) -> NetworkSettings:
    # the published weights expect pictures in 0…255 minus the mean
    return NetworkSettings(backbone, SubPixelSettings(scale=scale), std=(1 / 255,) * 3)
