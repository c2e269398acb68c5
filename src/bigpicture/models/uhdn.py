"""U-HDN, the U-hourglass dense network with image-specific kernel modulation.

    (b, 3, h, w) ──U-hourglass blocks──▶ (b, c, h, w) ──sub-pixel head──▶ (b, 3, r·h, r·w)

The published sizes are `uhdn` and `uhdn_l` (the paper) and `comonet_s` (the authors' later release,
whose checkpoints load). There is no `uhdn_light`: `uhdn` and `comonet_s` are small enough to train
on a CPU. `ABLATIONS` holds the rows of the paper's Tables III, IV and V and of Fig. 11.

The counts printed in Table III include a bias of the first convolution, which has none here (U-HDN
has 1390.9 K either way). Spatial attention is CBAM's, as in the paper's eq. (6), with 98 parameters
per layer; the table counts 43. Channel attention ends a residual block, as in RCAN; the +19.4 K of
the table correspond to one after each convolution.

For the ascending and descending depths of Fig. 11, the paper only gives parameter counts. Three
sets fit them: (3, 4, 5, 6, 6, 6), used here, (4, 4, 4, 5, 6, 7) and (3, 5, 5, 5, 5, 7).

Source: Huang et al., "Image-specific Convolutional Kernel Modulation for Single Image
    Super-resolution". https://arxiv.org/abs/2111.08362
"""

from dataclasses import replace
from typing import Any

from bigpicture.layers.modulation import Activation, Attention, Modulation
from bigpicture.models.backbones.hourglass import HourglassSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import NetworkSettings

__all__ = ["ABLATIONS", "comonet_s", "uhdn", "uhdn_l"]


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


_EQUAL = (5,) * 6
_BLOCKS: dict[str, dict[str, Any]] = {
    "RB": {"block": "residual", "channels": 48, "depths": (1,) * 8},
    "DB": {"block": "dense", "depths": _EQUAL},
    "RDB": {"block": "residual-dense", "depths": _EQUAL},
    "U-HDB": {},
}
_ATTENTIONS: dict[str, Attention] = {
    "": "none",
    " + CA": "channel",
    " + SA": "spatial",
    " + IKM": "ikm",
}
_TABLE_III: dict[str, dict[str, Any]] = {
    f"{block}{name}": {"blocks": 1, "modulation": Modulation(own), **settings}
    for block, settings in _BLOCKS.items()
    for name, own in _ATTENTIONS.items()
}
_TABLE_IV: dict[str, dict[str, Any]] = {
    f"{k}×{k}, dilation {dilation}{name}": {"modulation": Modulation(own, k, dilation)}
    for k, dilation in ((3, 1), (3, 2), (3, 3), (5, 1), (5, 2))
    for name, own in _ATTENTIONS.items()
    if own in ("none", "ikm")
}
_TABLE_V: dict[str, dict[str, Any]] = {
    "neither U nor hourglass": {"skips": False, "depths": _EQUAL},
    "U": {"depths": _EQUAL},
    "hourglass": {"skips": False},
    "U and hourglass": {},
}
_FIGURE_11: dict[str, dict[str, Any]] = {
    "U-HDN_V1": {"depths": (4, 5, 6, 6, 5, 4)},
    "U-HDN_V2": {"depths": (3, 4, 5, 6, 6, 6)},
    "U-HDN_V3": {"depths": (6, 6, 6, 5, 4, 3)},
}

ABLATIONS: dict[str, NetworkSettings] = {
    row: replace(uhdn(2), backbone=replace(HourglassSettings(), **changes))
    for row, changes in (_TABLE_III | _TABLE_IV | _TABLE_V | _FIGURE_11).items()
}
"""The rows of Tables III, IV and V and of Fig. 11; U-HDN itself is `U and hourglass`."""
