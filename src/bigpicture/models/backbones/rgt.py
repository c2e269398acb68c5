"""RGT's backbone: groups of blocks that attend to windows and to the whole picture in turn.

    (b, colours, h, w) ──groups of blocks between convolutions (`transformer_trunk`)──▶ (b, c, h, w)
    block: x ──norm──▶ attention ──▶ + x ──norm──▶ gated MLP ──▶ + ──▶ + γ ⊙ x

Even blocks attend within rectangle windows, odd ones to a coarse grid of the whole picture. The
number of reductions to that grid depends on the picture's size, so a network exported for variable
sizes is valid where the number stays the same: for sides up to 1023.

Source: Chen et al., "Recursive Generalization Transformer for Image Super-Resolution", ICLR 2024.
    https://arxiv.org/abs/2303.06373. Loads the authors' weights.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import PositiveFloat, PositiveInt
from torch import nn

from bigpicture.compute.strips import in_strips
from bigpicture.context.rg_sa import RecursiveGeneralizationAttention
from bigpicture.layers.connection import REACH, Connection
from bigpicture.layers.drop_path import DropPath, DropRate, drop_rates
from bigpicture.layers.gate import GatedMLP
from bigpicture.layers.hai import HybridAdaptiveIntegration
from bigpicture.layers.rectangle_windows import RectangleWindowAttention, rectangles_see
from bigpicture.layers.windows import Cut, reach_through
from bigpicture.models.backbones.transformer_trunk import Group, TransformerTrunk
from bigpicture.models.contract import Count
from bigpicture.shapes import Float, Tensor

__all__ = ["RGT", "RGTSettings"]


@dataclass(frozen=True)
class RGTSettings:
    """Settings of RGT's backbone.

    Attributes:
        channels: Feature channels c.
        depths: Number of blocks in each group.
        heads: Heads of every attention, even.
        window: Height and width of the windows for half of the channels; for the other half, they
            are swapped.
        mlp_ratio: Width of the MLPs' hidden layer, before its gate, as a multiple of c.
        connection: Layers at the end of each group and of the backbone: `1conv` is a 3×3
            convolution, `3conv` three convolutions with c/4 channels between them, which is cheaper
            for many channels.
        attention: `alternating`, or `local` for windows alone (Table 1a).
        integration: How a block's input is added once more: by `hai`, in full (`skip`), or not at
            all (`none`, Tables 1a and 1c).
        recursive: Whether RG-SA reduces the picture repeatedly, or only once (Table 1b).
        scaling: Channels of RG-SA's queries and keys, as a fraction of c (Table 1b).
        drop_path: Rate at which the last block's branches are dropped in training; the rates of
            earlier blocks rise to it linearly from 0.
    """

    kind: Literal["rgt"] = "rgt"
    channels: PositiveInt = 180
    depths: tuple[Count, ...] = (6, 6, 6, 6, 6, 6)
    heads: PositiveInt = 6
    window: tuple[Count, Count] = (8, 32)
    mlp_ratio: PositiveFloat = 2.0
    connection: Connection = "1conv"
    attention: Literal["alternating", "local"] = "alternating"
    integration: Literal["hai", "skip", "none"] = "hai"
    recursive: bool = True
    scaling: float = 0.5
    drop_path: DropRate = 0.1

    def build(self, colours: int) -> "RGT":
        """Return the untrained backbone."""
        return RGT(colours, self)


class RGT(TransformerTrunk):
    """Maps normalised pictures to features of the same size. See `RGTSettings`."""

    def __init__(self, colours: int, settings: RGTSettings) -> None:
        s = settings
        groups = (
            Group(s.channels, _blocks(s, index, rates), s.connection)
            for index, rates in enumerate(drop_rates(s.depths, s.drop_path))
        )
        super().__init__(colours, s.channels, groups, s.connection)
        self.settings = settings
        self.align = max(s.window)
        self.reach = reach_through(list(_steps(s)))


class RGTBlock(nn.Module):
    """Attention and a gated MLP, each pre-normalised and with a skip, and HAI around both.

    Args:
        settings: See `RGTSettings`.
        attention: Rectangle windows on (b, h, w, c), or RG-SA on (b, c, h, w).
        drop_path: Rate at which each of the two branches is dropped in training.
    """

    def __init__(
        self,
        settings: RGTSettings,
        attention: RectangleWindowAttention | RecursiveGeneralizationAttention,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        s = settings
        self.norm1 = nn.LayerNorm(s.channels)
        self.attention = attention
        self.norm2 = nn.LayerNorm(s.channels)
        self.mlp = GatedMLP(s.channels, round(s.channels * s.mlp_ratio))
        self.drop = DropPath(drop_path)
        self.skip = s.integration == "skip"
        self.hai = HybridAdaptiveIntegration(s.channels) if s.integration == "hai" else None

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        """Return the features of `x`."""
        y = x + self.drop(self._attend(self.norm1(x)))
        if self.training:  # drop path works on whole pictures
            return self._integrate(y, x)
        return in_strips(self._integrate, y, x, halo=GatedMLP.reach)

    def _integrate(
        self, y: Float[Tensor, "b h w c"], x: Float[Tensor, "b h w c"]
    ) -> Float[Tensor, "b h w c"]:
        """Return the block's output from its input `x` and the features after attention, `y`."""
        y = y + self.drop(self.mlp(self.norm2(y)))
        if self.hai is not None:
            return self.hai(y, x)
        return y + x if self.skip else y

    def _attend(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        if isinstance(self.attention, RectangleWindowAttention):
            return self.attention(x)
        return self.attention(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def _blocks(s: RGTSettings, group: int, rates: Sequence[float]) -> Iterator[RGTBlock]:
    """Yield the blocks of a group."""
    for shifted, rate in zip(_shifts(s, group), rates, strict=True):
        yield RGTBlock(s, _attention(s, shifted), rate)


def _shifts(s: RGTSettings, group: int) -> Iterator[bool | None]:
    """Yield, for each block of a group, whether its windows are shifted; None for RG-SA.

    Shifted and unshifted windows alternate, across groups as well.
    """
    windows = 0
    for block in range(s.depths[group]):
        if block % 2 and s.attention == "alternating":
            yield None
        else:
            yield bool((group + windows) % 2)
            windows += 1


def _attention(
    s: RGTSettings, shifted: bool | None
) -> RectangleWindowAttention | RecursiveGeneralizationAttention:
    if shifted is None:
        return RecursiveGeneralizationAttention(s.channels, s.heads, s.scaling, s.recursive)
    return RectangleWindowAttention(s.channels, s.heads, s.window, shifted)


def _steps(s: RGTSettings) -> Iterator[Cut | int]:
    """Yield how far each layer sees along an axis."""
    yield 1
    for group in range(len(s.depths)):
        for shifted in _shifts(s, group):
            if shifted is not None:
                yield from rectangles_see(s.window, shifted)
            yield GatedMLP.reach
        yield REACH[s.connection]
    yield REACH[s.connection]
