"""RGT, the recursive generalization transformer.

    (b, 3, h, w) ──groups of attention blocks──▶ (b, c, h, w) ──sub-pixel head──▶ (b, 3, r·h, r·w)

The published sizes, whose checkpoints load, are `rgt` and `rgt_s`. `rgt_light` is small enough to
train on a CPU. `ABLATIONS` holds the rows of the paper's Table 1.

Source: Chen et al., "Recursive Generalization Transformer for Image Super-Resolution", ICLR 2024.
    https://arxiv.org/abs/2303.06373
"""

from dataclasses import replace

from bigpicture.models.backbones.rgt import RGTSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import NetworkSettings

__all__ = ["ABLATIONS", "rgt", "rgt_light", "rgt_s"]

_RGT_S = RGTSettings()


def rgt(scale: int) -> NetworkSettings:
    """Return RGT, 13.4 M parameters."""
    return _with_head(replace(_RGT_S, depths=(6,) * 8), scale)


def rgt_s(scale: int) -> NetworkSettings:
    """Return RGT-S, 10.2 M parameters."""
    return _with_head(_RGT_S, scale)


def rgt_light(scale: int) -> NetworkSettings:
    """Return a small RGT that a CPU can train, 1.2 M parameters; not in the paper.

    96 is the smallest number of channels c at which the position-bias networks, whose width is
    c/32, still tell offsets apart. Windows of 8×16 tile patches of 48² without padding. The head,
    which works on the most pixels, has half of the published width.
    """
    backbone = RGTSettings(channels=96, depths=(4, 4, 4), window=(8, 16), drop_path=0.0)
    return _with_head(backbone, scale, width=32)


def _with_head(backbone: RGTSettings, scale: int, width: int = 64) -> NetworkSettings:
    return NetworkSettings(backbone, SubPixelSettings(scale=scale, width=width))


ABLATIONS: dict[str, NetworkSettings] = {
    row: _with_head(replace(_RGT_S, **changes), scale=2)
    for row, changes in {
        "L-SA": {"attention": "local", "integration": "none"},
        "L-SA + RG-SA": {"integration": "none"},
        "L-SA + RG-SA + HAI": {},
        "w/o Recur": {"recursive": False},
        "w/o Scale": {"scaling": 1.0},
        "w/ Skip": {"integration": "skip"},
        "L-SA w/ HAI": {"attention": "local"},
    }.items()
}
"""The rows of Table 1 by their names in the paper; `w/o HAI` is `L-SA + RG-SA`."""
