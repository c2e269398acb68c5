"""A drawn degradation: steps with all their numbers, applied one after another.

    (c, H, W) in [0, 1] ──step──▶ … ──step──▶ (c, h, w) in levels of 1/255     h = ⌊H / scale⌋

The steps hold every random choice and the seeds of the noise, so the same steps make the same
picture; as JSON they are its record. They compute in float64 and round with a tolerance
(`to_levels`), which hides that a GPU or another number of threads adds in another order. (Apple
GPUs (MPS), which have no float64, compute in float32.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field

from bigpicture.degrade.bi import low_size
from bigpicture.degrade.blur import Blur
from bigpicture.degrade.compression import Compression
from bigpicture.degrade.levels import to_levels
from bigpicture.degrade.noise import CorrelatedNoise, GaussianNoise, PoissonNoise
from bigpicture.degrade.recorded import Recorded
from bigpicture.degrade.resizing import Resize, Subsample
from bigpicture.image import quantise, to_float
from bigpicture.image.resize import Stored, StoredOut
from bigpicture.shapes import Float, Tensor

__all__ = ["Chain", "Step", "degrade_batch"]

Step = Annotated[
    Blur | Resize | Subsample | GaussianNoise | CorrelatedNoise | PoissonNoise | Compression,
    Field(discriminator="kind"),
]


@dataclass(frozen=True)
class Chain(Recorded):
    """Steps that were drawn together.

    Attributes:
        kind: Name of the degradation that they were drawn from.
        steps: In the order in which they are applied. The last resizing gives the result's size.
    """

    kind: Literal["bsrgan", "realesrgan"]
    steps: tuple[Step, ...]

    def degrade(self, high: Float[Tensor, "c H W"], scale: int | float) -> Float[Tensor, "c h w"]:
        """Return the low-resolution version of a picture, on the same device.

        Args:
            high: Gray or RGB in [0, 1]; cropped at the bottom and on the right to what whole
                low-resolution pixels cover.
            scale: The scale that the steps were drawn for.

        Raises:
            ValueError: If `scale` is below 1 or infinite, or a side of the picture is shorter than
                it.
        """
        low = low_size(high.shape[-2], high.shape[-1], scale)
        image = high[..., : round(low[0] * scale), : round(low[1] * scale)].detach()
        image = image.to(torch.float32 if high.device.type == "mps" else torch.float64).contiguous()
        for step in self.steps:
            image = step.apply(image, low)
            if self.kind == "bsrgan":  # Real-ESRGAN clips only with noise and compression
                image = image.clamp(0, 1)
        return (to_levels(image) / 255).to(high.dtype)

    def apply(self, high: Stored, scale: int | float) -> StoredOut:
        """Return the low-resolution version of a stored picture (H, W, c), in 8 bits."""
        planes = torch.from_numpy(to_float(high).copy())
        stacked = planes.unsqueeze(-1) if planes.ndim == 2 else planes
        low = self.degrade(stacked.permute(2, 0, 1), scale).permute(1, 2, 0)
        return quantise(low.reshape(*low.shape[:2], *planes.shape[2:]).numpy(), 8)


def degrade_batch(
    chains: Sequence[Chain], high: Float[Tensor, "b c H W"], scale: int | float
) -> Float[Tensor, "b c h w"]:
    """Return the low-resolution version of each picture of a batch, each by its own chain.

    Intermediate sizes differ between the pictures, so they are computed one after another, with
    the same results as alone.

    Raises:
        ValueError: If the numbers of chains and pictures differ, or as in `Chain.degrade`.
    """
    if len(chains) != len(high):
        raise ValueError(f"there are {len(chains)} chains but {len(high)} pictures; draw one each")
    return torch.stack([c.degrade(image, scale) for c, image in zip(chains, high, strict=True)])
