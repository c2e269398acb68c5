"""The trunk shared by SwinIR and RGT: groups of transformer blocks between two norms.

    (b, colours, h, w) ──conv──▶ f ──norm──▶ groups ──norm──▶ ──conv──▶ + f (b, c, h, w)
    group: (b, h, w, c) ──blocks──▶ ──conv──▶ + its input

Features keep a channels-last memory layout throughout, which suits both the blocks and the
convolutions, so nothing is rearranged between them.

Source: Liang et al., "SwinIR: Image Restoration Using Swin Transformer", ICCV Workshops 2021,
    Fig. 2. https://arxiv.org/abs/2108.10257
"""

from collections.abc import Iterable

from torch import nn

from bigpicture.layers.connection import Connection, connection
from bigpicture.layers.windows import in_order
from bigpicture.models.contract import Backbone
from bigpicture.shapes import Float, Tensor

__all__ = ["Group", "TransformerTrunk"]


class TransformerTrunk(Backbone):
    """Maps normalised pictures to features of the same size.

    Args:
        colours: Channels of the pictures.
        channels: Feature channels c.
        groups: The groups between the two norms.
        ending: Kind of the convolutions after the second norm.
    """

    def __init__(
        self, colours: int, channels: int, groups: Iterable["Group"], ending: Connection
    ) -> None:
        super().__init__()
        self.channels = channels
        self.first = nn.Conv2d(colours, channels, 3, padding=1)
        self.before = nn.LayerNorm(channels)
        self.groups = nn.ModuleList(groups)
        self.after = nn.LayerNorm(channels)
        self.last = connection(channels, ending)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):  # the usual initialisation of vision transformers
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def shared(self, x: Float[Tensor, "b h w c"]) -> tuple[Tensor, ...]:
        """Return further inputs that all blocks share, for features of the size of `x`."""
        return ()

    def forward(self, x: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c h w"]:
        """Return the features of the normalised pictures `x`."""
        first = in_order(self.first(x).permute(0, 2, 3, 1))
        shared = self.shared(first)
        features = self.before(first)
        for group in self.groups:
            features = group(features, *shared)
        return _convolved(self.last, self.after(features), first).permute(0, 3, 1, 2)


class Group(nn.Module):
    """Blocks and the convolutions that end them, plus the group's input.

    Args:
        channels: Feature channels c.
        blocks: Modules that keep the shape (b, h, w, c).
        ending: Kind of the convolutions after them.
    """

    def __init__(self, channels: int, blocks: Iterable[nn.Module], ending: Connection) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.last = connection(channels, ending)

    def forward(self, x: Float[Tensor, "b h w c"], *shared: Tensor) -> Float[Tensor, "b h w c"]:
        """Return the features of `x`; every block also receives `shared`."""
        y = x
        for block in self.blocks:
            y = block(y, *shared)
        return _convolved(self.last, y, x)


def _convolved(layer: nn.Module, y: Tensor, skip: Tensor) -> Tensor:
    """Return `layer(y) + skip` for tensors of shape (b, h, w, c)."""
    return layer(y.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) + skip
