"""U-Net discriminator: judges whether each pixel looks real, seeing it in its surroundings.

    (b, 3, H, W) ──conv──▶ ↓ ↓ ↓ ──▶ ↑ ↑ ↑, each + the features of its size ──▶ (b, 1, H, W)

Spectral normalisation divides each kernel by its largest singular value, which keeps the
discriminator smooth and the game stable.

Source: Wang et al. (Real-ESRGAN), sec. 3.4, https://arxiv.org/abs/2107.10833
    Schönfeld et al., "A U-Net Based Discriminator for GANs", https://arxiv.org/abs/2002.12655
    Miyato et al., "Spectral Normalization for GANs", https://arxiv.org/abs/1802.05957
Changed: features are enlarged to the size that they are added to, so that sides need not be
    multiples of 8.
"""

from itertools import pairwise

from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from bigpicture.shapes import Float, Tensor

__all__ = ["UNetDiscriminator"]

_STEPS = 3


class UNetDiscriminator(nn.Module):
    """Real-ESRGAN's discriminator.

    Args:
        colours: Channels of the pictures.
        channels: Channels of the first features; they double with each halving of the size.

    Raises:
        ValueError: When called, if a side is below 8 pixels, which three halvings need.
    """

    def __init__(self, colours: int = 3, channels: int = 64) -> None:
        super().__init__()
        widths = [channels * 2**step for step in range(_STEPS + 1)]
        self.first = nn.Conv2d(colours, channels, 3, padding=1)
        self.down = nn.ModuleList(
            spectral_norm(nn.Conv2d(narrow, wide, 4, stride=2, padding=1, bias=False))
            for narrow, wide in pairwise(widths)
        )
        self.up = nn.ModuleList(
            spectral_norm(nn.Conv2d(wide, narrow, 3, padding=1, bias=False))
            for narrow, wide in reversed(list(pairwise(widths)))
        )
        self.refine = nn.ModuleList(
            spectral_norm(nn.Conv2d(channels, channels, 3, padding=1, bias=False)) for _ in range(2)
        )
        self.last = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, picture: Float[Tensor, "b c H W"]) -> Float[Tensor, "b 1 H W"]:
        """Return how real each pixel looks: above 0 real, below 0 generated."""
        if min(picture.shape[-2:]) < 2**_STEPS:
            raise ValueError(
                f"picture is {picture.shape[-2]}×{picture.shape[-1]}; the discriminator halves it "
                f"{_STEPS} times and needs {2**_STEPS} pixels a side"
            )
        x = _activate(self.first(picture))
        skipped = []
        for step in self.down:
            skipped.append(x)
            x = _activate(step(x))
        for step in self.up:
            across = skipped.pop()
            x = F.interpolate(x, across.shape[-2:], mode="bilinear", align_corners=False)
            x = _activate(step(x)) + across
        for step in self.refine:
            x = _activate(step(x))
        return self.last(x)


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)
