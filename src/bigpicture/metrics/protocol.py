"""What a printed score means: the rounding, colour space and border that it is based on.

    restored (c, H, W), reference (c, H, W), scale ──▶ {"psnr": dB, "ssim": share of 1}

The score of the same restoration may differ by a decibel between protocols, so scores are only
printed together with the name of one:

- `sr-y`, the usual one: the luma of both 8-bit pictures, with `ceil(scale)` pixels cut from each
  border. A single-channel picture is compared directly.
  (MATLAB's `rgb2ycbcr` of a uint8 picture would round the luma to 8 bits as well. The published
  tables do not: bicubic ×2 on Set5 is 33.67 dB without and 33.64 dB with that rounding.)
- `sr-rgb`, used for arbitrary scales on DIV2K: RGB in 8 bits, `ceil(scale) + 6` pixels cut.
"""

import math
from dataclasses import dataclass

import torch

from bigpicture.metrics.pairs import as_float64
from bigpicture.metrics.psnr import psnr
from bigpicture.metrics.ssim import WINDOW, ssim
from bigpicture.shapes import Float, Tensor


@dataclass(frozen=True)
class Protocol:
    """A way to score a restored picture against its reference.

    Attributes:
        name: Name that scores are printed with.
        luma: Whether RGB pictures are compared by their luma.
        margin: Pixels cut from each border in addition to those that the scale requires.
    """

    name: str
    luma: bool
    margin: int

    def border(self, scale: int | float) -> int:
        """Return the pixels cut from each border at an enlargement of `scale`.

        Raises:
            ValueError: If `scale` is not positive and finite.

        >>> SR_Y.border(3), SR_Y.border(2.5), SR_RGB.border(4)
        (3, 3, 10)
        """
        if not 0 < scale < math.inf:
            raise ValueError(f"scale is {scale}; give the positive enlargement of each side")
        return math.ceil(scale) + self.margin

    def inside(self, height: int, width: int, scale: int | float) -> tuple[slice, slice]:
        """Return the rows and columns of a picture that are compared.

        Raises:
            ValueError: If there are too few, or `scale` is not positive and finite.
        """
        border = self.border(scale)
        if min(height, width) < 2 * border + WINDOW:
            raise ValueError(
                f"the pictures are {width}×{height}; {self.name} at scale {scale} cuts {border} "
                f"pixels from each border and needs {WINDOW} inside: at least "
                f"{2 * border + WINDOW} a side"
            )
        return slice(border, height - border), slice(border, width - border)

    def score(
        self,
        restored: Float[Tensor, "*one c H W"],
        reference: Float[Tensor, "..."],
        scale: int | float,
    ) -> dict[str, float]:
        """Return the PSNR in dB and the SSIM of one restored picture.

        Args:
            restored: A gray or RGB picture, clipped to [0, 1]; (c, H, W) or (1, c, H, W).
            reference: Its reference, of the same shape.
            scale: The enlargement that made `restored`, which decides the border.

        Raises:
            ValueError: If the shapes differ, there is more than one picture, it is neither gray
                nor RGB, or too little is left inside the border.
        """
        restored, reference = as_float64(restored, reference)
        if math.prod(restored.shape[:-3]) != 1 or restored.shape[-3] not in (1, 3):
            raise ValueError(
                f"restored has shape {tuple(restored.shape)}; give one gray or RGB picture, "
                "(1, H, W) or (3, H, W)"
            )
        inside = (..., *self.inside(restored.shape[-2], restored.shape[-1], scale))
        x, y = (self._levels(image)[inside] for image in (restored, reference))
        return {"psnr": psnr(x, y, peak=255).item(), "ssim": ssim(x, y, peak=255).item()}

    def _levels(self, image: Float[Tensor, "*one c H W"]) -> Float[Tensor, "*one d H W"]:
        """Return what is compared: 8-bit levels, or the unrounded luma of these."""
        levels = (image.clamp(0, 1) * 255).round()
        return luma(levels) if self.luma and levels.shape[-3] == 3 else levels


def luma(image: Float[Tensor, "*batch 3 h w"]) -> Float[Tensor, "*batch 1 h w"]:
    """Return the luma of RGB levels in [0, 255] by MATLAB's `rgb2ycbcr`, in [16, 235].

    >>> luma(torch.full((3, 1, 1), 255.0))
    tensor([[[235.]]])
    """
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=image.dtype, device=image.device)
    return 16 + (image * weights.view(3, 1, 1) / 255).sum(dim=-3, keepdim=True)


SR_Y = Protocol("sr-y", luma=True, margin=0)
SR_RGB = Protocol("sr-rgb", luma=False, margin=6)
PROTOCOLS = {protocol.name: protocol for protocol in (SR_Y, SR_RGB)}
