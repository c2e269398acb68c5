"""RDN, the residual dense network, with its authors' sub-pixel head.

    (b, 3, h, w) ──residual dense blocks──▶ (b, c, h, w) ──sub-pixel head──▶ (b, 3, r·h, r·w)

SRGRN builds on its features and is compared with it (`bigpicture.models.srgrn`).

Source: Zhang et al., "Residual Dense Network for Image Super-Resolution", CVPR 2018.
    https://arxiv.org/abs/1802.08797
"""

from bigpicture.models.backbones.rdn import RDNSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import NetworkSettings

__all__ = ["rdn", "rdn_light"]


def rdn(scale: int) -> NetworkSettings:
    """Return RDN, 22.1 M parameters at ×2."""
    return NetworkSettings(RDNSettings(), SubPixelSettings(scale=scale))


def rdn_light(scale: int) -> NetworkSettings:
    """Return an RDN that a CPU can train, 0.97 M parameters at ×4.

    It has 32 channels and a growth of 32, half of the published values, because the work of a head
    on the finer grids grows with the square of the channels. It has 6 blocks of 5 layers instead of
    16 of 8.
    """
    backbone = RDNSettings(channels=32, growth=32, blocks=6, depth=5)
    return NetworkSettings(backbone, SubPixelSettings(scale=scale))
