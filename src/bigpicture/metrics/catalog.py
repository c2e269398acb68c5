"""Which metrics there are, and how their numbers are to be read."""

from collections.abc import Callable
from dataclasses import dataclass

from bigpicture.metrics.brisque import brisque
from bigpicture.metrics.brisque import check_size as brisque_size
from bigpicture.metrics.lpips import lpips
from bigpicture.metrics.niqe import check_size as niqe_size
from bigpicture.metrics.niqe import niqe
from bigpicture.metrics.piqe import piqe
from bigpicture.shapes import Tensor

__all__ = ["PERCEPTUAL", "Metric"]


@dataclass(frozen=True)
class Metric:
    """A metric of pictures in [0, 1], beside PSNR and SSIM, which belong to a protocol.

    Attributes:
        title: How tables call it.
        digits: That tables print after the point.
        needs_reference: Whether it compares two pictures or judges one.
        measure: (…, c, h, w) and, if needed, the reference ↦ one float64 number for each. Lower is
            better in all.
        check: Raises a ValueError for the height and width of pictures that are too small.
    """

    title: str
    digits: int
    needs_reference: bool
    measure: Callable[..., Tensor]
    check: Callable[[int, int], None] = lambda height, width: None


PERCEPTUAL = {
    "lpips": Metric("LPIPS", 4, True, lpips),
    "niqe": Metric("NIQE", 4, False, niqe, niqe_size),
    "brisque": Metric("BRISQUE", 2, False, brisque, brisque_size),
    "piqe": Metric("PIQE", 2, False, piqe),
}
"""By the names that reports and options use. "lpips" needs the extra `iqa`."""
