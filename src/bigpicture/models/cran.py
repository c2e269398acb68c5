"""CRAN, the context reasoning attention network: RCAN with kernels that depend on the picture.

    (b, 3, h, w) ──groups of residual blocks, the last a CRAB──▶ (b, c, h, w)
                 ──sub-pixel head──▶ (b, 3, r·h, r·w)

`cran` is the size of the paper, which reports 14.94 M parameters and 372.99 G multiply-adds (×2,
input 160×160): a counter that only knows modules misses the kernels of the 20 CRACs. The true
figures are 15.68 M and 391.87 G. The paper's ablations on EDSR-baseline are `block_types`
(Table 1), `interactions` (Table 2) and `positions` (Table 3).

Source: Zhang et al., "Context Reasoning Attention Network for Image Super-Resolution", ICCV 2021.
"""

from dataclasses import replace

from bigpicture.context.crac import CRACPart
from bigpicture.layers.modulation import CRACSettings, Modulation
from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.backbones.rcan import RCANSettings
from bigpicture.models.edsr import edsr_baseline
from bigpicture.models.network import NetworkSettings
from bigpicture.models.rcan import rcan

__all__ = ["block_types", "cran", "cran_light", "interactions", "positions"]


def cran(scale: int) -> NetworkSettings:
    """Return CRAN, 15.68 M parameters at ×2: 10 groups of 19 residual blocks and a CRAB."""
    backbone = RCANSettings(modulation=Modulation("crac"), places=(20,))
    return replace(rcan(scale), backbone=backbone)


def cran_light(scale: int) -> NetworkSettings:
    """Return a CRAN that a CPU can train, 1.10 M parameters at ×2.

    It has 48 channels, which keeps CRAC's 16 groups (of 3 channels instead of 4), and 4 residual
    groups of 4 residual blocks and a CRAB. One block in five is a CRAB, against one in twenty in
    the paper, which would leave a single CRAB among 20 blocks.
    """
    backbone = RCANSettings(
        channels=48, groups=4, blocks=5, modulation=Modulation("crac"), places=(5,)
    )
    return replace(rcan(scale), backbone=backbone)


def block_types(scale: int = 2) -> dict[str, NetworkSettings]:
    """Return the rows of Table 1: EDSR-baseline with 16 blocks of each type."""
    return {
        "RB": edsr_baseline(scale),
        "RCAB": _baseline(scale, Modulation("channel", reduction=16)),
        "CRAB (w/o CDRR)": _baseline(scale, _crac("cdrr")),
        "CRAB": _baseline(scale, _crac()),
    }


def interactions(scale: int = 2) -> dict[str, NetworkSettings]:
    """Return the columns of Table 2: EDSR-baseline with 16 CRABs, by the parts of their masks."""
    return {
        "F_A2": _baseline(scale, _crac("f_a1")),
        "F_A1, F_CI": _baseline(scale, _crac("f_a2")),
        "F_A1, F_A2": _baseline(scale, _crac("channel-interaction")),
        "F_A1, F_A2, F_CI": _baseline(scale, _crac()),
    }


def positions(scale: int = 2) -> dict[str, NetworkSettings]:
    """Return the columns of Table 3: EDSR-baseline with one CRAB, by its place."""
    rows = {"Baseline": edsr_baseline(scale)}
    for name, place in {"1-st": 1, "4-th": 4, "8-th": 8, "16-th": 16}.items():
        rows[name] = _baseline(scale, _crac(), (place,))
    return rows


def _baseline(
    scale: int, modulation: Modulation, places: tuple[int, ...] | None = None
) -> NetworkSettings:
    return replace(
        edsr_baseline(scale), backbone=EDSRSettings(modulation=modulation, places=places)
    )


def _crac(*without: CRACPart) -> Modulation:
    return Modulation("crac", crac=CRACSettings(without=without))
