"""DN: bicubic downsampling, then Gaussian noise, as from a camera in the dark.

    (H, W, c) ──BI──▶ (h, w, c) ──+ σ·normal, rounded and clipped──▶ (h, w, c)     8 or 16 bits

Published numbers use scale 3 and σ 30.

Source: Zhang et al., "Residual Dense Network for Image Super-Resolution", CVPR 2018.
    https://arxiv.org/abs/1802.08797
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from bigpicture.degrade.bi import bi
from bigpicture.degrade.draw import seed as draw_seed
from bigpicture.degrade.recorded import Recorded
from bigpicture.image.resize import Stored, StoredOut


@dataclass(frozen=True)
class DN(Recorded):
    """A drawn degradation: the same record always degrades the same picture in the same way.

    Attributes:
        seed: Seed of the noise.
        sigma: Standard deviation of the noise, in 8-bit units for pictures of any depth.
        kind: Name of the degradation in records.

    Raises:
        ValueError: If `sigma` is negative or not finite.
    """

    seed: int
    sigma: int | float = 30
    kind: Literal["dn"] = "dn"

    def __post_init__(self) -> None:
        if not 0 <= self.sigma < math.inf:
            raise ValueError(f"sigma is {self.sigma}; give a standard deviation in 8-bit units")

    @classmethod
    def draw(cls, generator: torch.Generator, *, sigma: int | float = 30) -> "DN":
        """Draw a degradation.

        >>> DN.draw(torch.Generator().manual_seed(1)) == DN.draw(torch.Generator().manual_seed(1))
        True
        """
        return cls(draw_seed(generator), sigma)

    def apply(self, high: Stored, scale: int | float = 3) -> StoredOut:
        """Downsample a picture by `scale` and add the noise.

        Raises:
            ValueError: If `scale` is below 1 or infinite, or a side of the picture is shorter than
                it.
        """
        return self.noisy(bi(high, scale))

    def noisy(self, low: Stored) -> StoredOut:
        """Add the noise to a picture that is already downsampled."""
        highest = np.iinfo(low.dtype).max
        generator = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(low.shape, generator=generator, dtype=torch.float64).numpy()
        noisy = low + self.sigma * (highest / 255) * noise
        return np.floor(noisy + 0.5).clip(0, highest).astype(low.dtype)
