"""The blocks that U-HDN is compared with: residual, dense, residual dense.

Each maps (b, c, h, w) to the same shape, with any `Modulation`.

Sources: Lim et al. (EDSR), https://arxiv.org/abs/1707.02921; Tong et al. (SRDenseNet), ICCV 2017;
    Zhang et al. (RDN), https://arxiv.org/abs/1802.08797. Compared in Huang et al., Table III.
"""

from torch import nn

from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.shapes import Float, Tensor

__all__ = ["Residual", "residual_block"]


class Residual(nn.Module):
    """Anything of equal shape in and out, plus its input."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return `body(x) + x`."""
        return self.body(x) + x


def residual_block(channels: int, modulation: Modulation, activation: Activation) -> Residual:
    """Return EDSR's block: convolution, activation, convolution, attention, plus the input."""
    return Residual(
        nn.Sequential(
            modulation.convolution(channels, channels),
            activation.build(),
            modulation.convolution(channels, channels),
            modulation.attention_layer(channels),
        )
    )
