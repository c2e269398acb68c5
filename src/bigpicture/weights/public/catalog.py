"""All known releases, in the order in which a file is compared with them."""

from bigpicture.weights.public import (
    ciaosr,
    comonet,
    edsr,
    edsr_basicsr,
    liif,
    rcan,
    rcan_basicsr,
    rdn,
    rdn_basicsr,
    rgt,
    swinir,
)
from bigpicture.weights.public.release import Release

__all__ = ["RELEASES"]

RELEASES: dict[str, Release] = {
    "CiaoSR": ciaosr.RELEASE,
    "LIIF": liif.RELEASE,
    "RGT": rgt.RELEASE,
    "CoMoNet": comonet.RELEASE,
    "EDSR": edsr.RELEASE,
    "EDSR of BasicSR": edsr_basicsr.RELEASE,
    "RCAN": rcan.RELEASE,
    "RCAN of BasicSR": rcan_basicsr.RELEASE,
    "RDN": rdn.RELEASE,
    "RDN of BasicSR": rdn_basicsr.RELEASE,
    "SwinIR": swinir.RELEASE,
}
