"""Frequency loss: L1 between the pictures' Fourier transforms.

    (b, c, H, W) ──FFT──▶ (b, c, H, W/2 + 1) complex ──|Δ real| + |Δ imaginary|, mean──▶ ()

A blurred texture is a small error at every pixel and a large one at a few frequencies, where this
loss counts it. The transform is orthonormal, so the loss is of the order of the pixels' L1 at any
size of crops.

Source: Cho et al., "Rethinking Coarse-to-Fine Approach in Single Image Deblurring", ICCV 2021,
    eq. (7). https://arxiv.org/abs/2108.05054
Changed: orthonormal, where the published program does not normalise, so that the weight depends on
    the size; over half of the spectrum, not all of it, because the rest repeats it.
"""

import torch
from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["Frequency"]


class Frequency(nn.Module):
    """The mean absolute difference of the spectra, over real and imaginary parts."""

    def forward(
        self, restored: Float[Tensor, "b c H W"], reference: Float[Tensor, "b c H W"]
    ) -> Float[Tensor, ""]:
        """Return the loss, in float32 even inside autocast: half precision has no transforms."""
        with torch.autocast(restored.device.type, enabled=False):
            # Linear: the transform of the difference is the difference of the transforms.
            error = torch.fft.rfft2(restored.float() - reference.float(), norm="ortho")
            return torch.view_as_real(error).abs().mean()
