"""All releases that are known, in the order in which a file is compared with them."""

from bigpicture.weights.public import comonet
from bigpicture.weights.public.release import Release

__all__ = ["RELEASES"]

RELEASES: dict[str, Release] = {
    "CoMoNet": comonet.RELEASE,
}
