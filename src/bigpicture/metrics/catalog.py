"""The catalogue of metrics other than PSNR and SSIM, and how to read their numbers."""

from collections.abc import Callable
from dataclasses import dataclass

from bigpicture.metrics.brisque import brisque
from bigpicture.metrics.brisque import check_size as brisque_size
from bigpicture.metrics.lpips import check_size as lpips_size
from bigpicture.metrics.lpips import lpips
from bigpicture.metrics.niqe import check_size as niqe_size
from bigpicture.metrics.niqe import niqe
from bigpicture.metrics.piqe import piqe
from bigpicture.shapes import Tensor

__all__ = ["PERCEPTUAL", "Metric"]


@dataclass(frozen=True)
class Metric:
    """A metric of pictures in [0, 1] other than PSNR and SSIM, which belong to a protocol.

    Attributes:
        title: Name in tables.
        digits: Digits after the decimal point in tables.
        needs_reference: Whether it compares two pictures or judges one.
        measure: Maps pictures (…, c, h, w) and, if needed, their references to one float64 number
            per picture. Lower is better for all metrics.
        check: Raises ValueError if pictures of the given height and width are too small.
    """

    title: str
    digits: int
    needs_reference: bool
    measure: Callable[..., Tensor]
    check: Callable[[int, int], None] = lambda height, width: None


PERCEPTUAL = {
    "lpips": Metric("LPIPS", 4, True, lpips, lpips_size),
    "niqe": Metric("NIQE", 4, False, niqe, niqe_size),
    "brisque": Metric("BRISQUE", 2, False, brisque, brisque_size),
    "piqe": Metric("PIQE", 2, False, piqe),
}
"""The metrics by their names in reports and options. "lpips" needs the extra `iqa`."""
