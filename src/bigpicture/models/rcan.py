"""RCAN, the residual channel attention network, at its published size.

    (b, 3, h, w) ──10 groups of 20 blocks──▶ (b, c, h, w) ──sub-pixel head──▶ (b, 3, r·h, r·w)

Source: Zhang et al., "Image Super-Resolution Using Very Deep Residual Channel Attention Networks",
    ECCV 2018. https://arxiv.org/abs/1807.02758
"""

from bigpicture.models.backbones.rcan import RCANSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import NetworkSettings

__all__ = ["rcan"]


def rcan(scale: int) -> NetworkSettings:
    """Return RCAN, 15.44 M parameters at ×2."""
    # the published weights expect pictures in 0…255 minus the mean
    return NetworkSettings(RCANSettings(), SubPixelSettings(scale=scale), std=(1 / 255,) * 3)
