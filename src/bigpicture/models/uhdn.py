"""U-HDN, the U-hourglass dense network with image-specific kernel modulation.

    (b, 3, h, w) ──U-hourglass blocks──▶ (b, c, h, w) ──sub-pixel head──▶ (b, 3, r·h, r·w)

Published sizes: `uhdn` and `uhdn_l` (the paper), `comonet_s` (the authors' later release, whose
checkpoints load). The blocks of the paper's Table III, the ablations of Tables IV and V and
Fig. 11 are settings of the backbone.

Source: Huang et al., "Image-specific Convolutional Kernel Modulation for Single Image
    Super-resolution". https://arxiv.org/abs/2111.08362
"""

from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.models.backbones.hourglass import HourglassSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import NetworkSettings

__all__ = ["comonet_s", "uhdn", "uhdn_l"]


def uhdn(scale: int) -> NetworkSettings:
    """Return U-HDN, 1.39 M parameters."""
    return NetworkSettings(HourglassSettings(), SubPixelSettings(scale=scale, expansion="grouped"))


def uhdn_l(scale: int) -> NetworkSettings:
    """Return U-HDN-L, 10.9 M parameters."""
    return NetworkSettings(
        HourglassSettings(channels=128, growth=24, blocks=8),
        SubPixelSettings(scale=scale, expansion="grouped"),
    )


def comonet_s(scale: int) -> NetworkSettings:
    """Return CoMoNet-S, 0.72 M parameters at ×2."""
    return NetworkSettings(
        HourglassSettings(
            channels=48,
            growth=8,
            modulation=Modulation(form="scaled"),
            activation=Activation(slope=0.1),
            bias=True,
        ),
        SubPixelSettings(scale=scale, expansion="depthwise"),
        mean=(0.466, 0.448, 0.403),
        std=(0.242, 0.234, 0.246),
    )
