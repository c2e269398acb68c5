"""All releases that are known, in the order in which a file is compared with them."""

from bigpicture.weights.public import comonet, edsr, edsr_basicsr, rcan, rcan_basicsr
from bigpicture.weights.public.release import Release

__all__ = ["RELEASES"]

RELEASES: dict[str, Release] = {
    "CoMoNet": comonet.RELEASE,
    "EDSR": edsr.RELEASE,
    "EDSR of BasicSR": edsr_basicsr.RELEASE,
    "RCAN": rcan.RELEASE,
    "RCAN of BasicSR": rcan_basicsr.RELEASE,
}
