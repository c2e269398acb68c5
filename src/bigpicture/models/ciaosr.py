"""CiaoSR, which renders pictures of any size by implicit attention, and LIIF, its baseline.

    (b, 3, h, w) ──any backbone──▶ (b, c, h, w) ──implicit head──▶ (b, 3, H, W)

The paper's backbones are EDSR-baseline, RDN and SwinIR, and their checkpoints load; RGT and U-HDN
are additions of this package. `scale` is the factor that a network uses when no output size is
given. `ciaosr_light` is small enough to train on a CPU.

`ABLATIONS` holds the columns of the paper's Table 4. The rows of Table 5 are `ciaosr_rdn` trained
at other scales: `bigpicture train recipes/papers/ciaosr-rdn.toml --set 'data.scales={among=[2]}'`,
or `[3]`, `[4]`, `[2, 3, 4]`; the recipe as shipped is the last row, [1, 4]. The rows of Table 6 are
calls of one network, to ×12 at once or in steps: `network(network(low, twice), twelvefold)`.

Source: Cao et al., "CiaoSR: Continuous Implicit Attention-in-Attention Network for Arbitrary-Scale
    Image Super-Resolution", CVPR 2023. https://arxiv.org/abs/2212.04362; Chen et al. (LIIF), CVPR
    2021. https://arxiv.org/abs/2012.09161
"""

from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.backbones.hourglass import HourglassSettings
from bigpicture.models.backbones.rdn import RDNSettings
from bigpicture.models.backbones.rgt import RGTSettings
from bigpicture.models.backbones.swinir import SwinIRSettings
from bigpicture.models.contract import BackboneSettings
from bigpicture.models.heads.implicit import ImplicitSettings
from bigpicture.models.heads.liif import LIIFSettings
from bigpicture.models.network import NetworkSettings

__all__ = [
    "ABLATIONS",
    "ciaosr_edsr",
    "ciaosr_light",
    "ciaosr_rdn",
    "ciaosr_rgt",
    "ciaosr_swinir",
    "ciaosr_uhdn",
    "liif_edsr",
    "liif_light",
    "liif_rdn",
    "liif_swinir",
]

_LIGHT = EDSRSettings(channels=48, blocks=12)


def ciaosr_edsr(scale: int = 4) -> NetworkSettings:
    """Return CiaoSR on EDSR-baseline, 2.65 M parameters."""
    return _implicit(EDSRSettings(), scale)


def ciaosr_rdn(scale: int = 4) -> NetworkSettings:
    """Return CiaoSR on RDN, 23.4 M parameters."""
    return _implicit(RDNSettings(), scale)


def ciaosr_swinir(scale: int = 4) -> NetworkSettings:
    """Return CiaoSR on SwinIR, 14.7 M parameters."""
    return _implicit(SwinIRSettings(), scale)


def ciaosr_rgt(scale: int = 4) -> NetworkSettings:
    """Return CiaoSR on the features of RGT-S, 13.0 M parameters; not in the paper."""
    return _implicit(RGTSettings(), scale)


def ciaosr_uhdn(scale: int = 4) -> NetworkSettings:
    """Return CiaoSR on the features of U-HDN, with IKM, 2.8 M parameters; not in the paper."""
    return _implicit(HourglassSettings(), scale)


def ciaosr_light(scale: int = 4) -> NetworkSettings:
    """Return a CiaoSR that a CPU can train, 0.99 M parameters; not in the paper.

    With MLPs half as wide (128) and three quarters of the channels (48), each point takes a third
    of the work. As points are most of the work, 12 of EDSR-baseline's 16 blocks can stay.
    """
    return NetworkSettings(_LIGHT, ImplicitSettings(scale=scale, hidden=128))


def liif_edsr(scale: int = 4) -> NetworkSettings:
    """Return LIIF on EDSR-baseline, 1.57 M parameters."""
    return _liif(EDSRSettings(), scale)


def liif_rdn(scale: int = 4) -> NetworkSettings:
    """Return LIIF on RDN, 22.3 M parameters."""
    return _liif(RDNSettings(), scale)


def liif_swinir(scale: int = 4) -> NetworkSettings:
    """Return LIIF on SwinIR, 12.1 M parameters."""
    return _liif(SwinIRSettings(), scale)


def liif_light(scale: int = 4) -> NetworkSettings:
    """Return the baseline of `ciaosr_light`: LIIF on the same features, 0.63 M parameters."""
    return _liif(_LIGHT, scale, hidden=128)


def _implicit(backbone: BackboneSettings, scale: int) -> NetworkSettings:
    return NetworkSettings(backbone, ImplicitSettings(scale=scale))


def _liif(backbone: BackboneSettings, scale: int, hidden: int = 256) -> NetworkSettings:
    head = LIIFSettings(scale=scale, hidden=hidden)
    return NetworkSettings(backbone, head, mean=(0.5,) * 3, std=(0.5,) * 3)


ABLATIONS: dict[str, NetworkSettings] = {
    "MLP": NetworkSettings(RDNSettings(), ImplicitSettings(ensemble="mlp", non_local=())),
    "attention": NetworkSettings(RDNSettings(), ImplicitSettings(non_local=())),
    "attention + non-local": ciaosr_rdn(),
}
"""The columns of Table 4, on RDN."""
