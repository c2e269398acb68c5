"""RGT's backbone: groups of blocks that see windows and the whole picture in turn.

    (b, colours, h, w) ──conv──▶ f ──norm──▶ groups ──norm──▶ ──conv──▶ + f (b, c, h, w)
    group: (b, c, h, w) ──blocks──▶ ──conv──▶ + its input
    block: x ──norm──▶ attention ──▶ + x ──norm──▶ gated MLP ──▶ + ──▶ + γ ⊙ x

Even blocks attend within rectangle windows, odd ones to a coarse grid of the whole picture. How
often that was reduced depends on the size, so what is exported for sizes yet unknown is for those
that agree on it: sides up to 1023.

Source: Chen et al., "Recursive Generalization Transformer for Image Super-Resolution", ICLR 2024.
    https://arxiv.org/abs/2303.06373. Loads the authors' weights.
Changed: features stay in one channels-last memory throughout, so nothing is rearranged between
    attention and convolutions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from bigpicture.compute.strips import in_strips
from bigpicture.context.rg_sa import RecursiveGeneralizationAttention
from bigpicture.layers.connection import REACH, Connection, connection
from bigpicture.layers.drop_path import DropPath
from bigpicture.layers.gate import GatedMLP
from bigpicture.layers.hai import HybridAdaptiveIntegration
from bigpicture.layers.rectangle_windows import RectangleWindowAttention, rectangles_see
from bigpicture.layers.windows import Cut, reach_through
from bigpicture.models.contract import Backbone
from bigpicture.shapes import Float, Tensor

__all__ = ["RGT", "RGTSettings"]


@dataclass(frozen=True)
class RGTSettings:
    """Everything that makes RGT's backbone.

    Attributes:
        channels: Feature channels c.
        depths: Blocks of each group.
        heads: Heads of every attention, even.
        window: Height and width of half of the windows; the others are turned.
        mlp_ratio: How many times wider the hidden layer of the blocks' MLPs is, before its gate.
        connection: What ends a group and the backbone: a 3×3 convolution, or, cheaper at many
            channels, three with a quarter of the channels between them.
        attention: `alternating`, or `local` for windows alone (Table 1a).
        integration: What is added of a block's input once more: `hai`, all of it (`skip`), or
            nothing (`none`, Tables 1a and 1c).
        recursive: Whether RG-SA reduces the picture as often as it takes, or once (Table 1b).
        scaling: Channels of RG-SA's queries and keys, as a share of c (Table 1b).
        drop_path: Share of the pictures that skip the last block in training; earlier blocks are
            skipped less, in proportion to their depth.
    """

    kind: Literal["rgt"] = "rgt"
    channels: int = 180
    depths: tuple[int, ...] = (6, 6, 6, 6, 6, 6)
    heads: int = 6
    window: tuple[int, int] = (8, 32)
    mlp_ratio: float = 2.0
    connection: Connection = "1conv"
    attention: Literal["alternating", "local"] = "alternating"
    integration: Literal["hai", "skip", "none"] = "hai"
    recursive: bool = True
    scaling: float = 0.5
    drop_path: float = 0.1

    def build(self, colours: int) -> "RGT":
        """Return the untrained backbone."""
        return RGT(colours, self)


class RGT(Backbone):
    """Features of normalised pictures, at their size. See `RGTSettings`."""

    def __init__(self, colours: int, settings: RGTSettings) -> None:
        super().__init__()
        s = self.settings = settings
        self.channels = s.channels
        self.align = max(s.window)
        self.reach = reach_through(list(_steps(s)))
        self.first = nn.Conv2d(colours, s.channels, 3, padding=1)
        self.before = nn.LayerNorm(s.channels)
        self.groups = nn.ModuleList(_Group(s, index) for index in range(len(s.depths)))
        self.after = nn.LayerNorm(s.channels)
        self.last = connection(s.channels, s.connection)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):  # as vision transformers start
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c h w"]:
        """Return the features of the normalised pictures `x`."""
        first = self.first(x).contiguous(memory_format=torch.channels_last)
        features = self.before(first.permute(0, 2, 3, 1))
        for group in self.groups:
            features = group(features)
        return self.last(self.after(features).permute(0, 3, 1, 2)) + first


class RGTBlock(nn.Module):
    """Attention and a gated MLP, each after a norm and plus its input, and HAI around both.

    Args:
        settings: See `RGTSettings`.
        attention: Rectangle windows on (b, h, w, c), or RG-SA on (b, c, h, w).
        drop_path: Share of the pictures that skip a half of the block in training.
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
        return in_strips(self._integrate, y, x, halo=GatedMLP.reach)

    def _integrate(
        self, y: Float[Tensor, "b h w c"], x: Float[Tensor, "b h w c"]
    ) -> Float[Tensor, "b h w c"]:
        """Return the block's features from those after attention, `y`, and before, `x`."""
        y = y + self.drop(self.mlp(self.norm2(y)))
        if self.hai is not None:
            return self.hai(y, x)
        return y + x if self.skip else y

    def _attend(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        if isinstance(self.attention, RectangleWindowAttention):
            return self.attention(x)
        return self.attention(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class _Group(nn.Module):
    """Blocks and a convolution, plus their input (b, h, w, c)."""

    def __init__(self, s: RGTSettings, index: int) -> None:
        super().__init__()
        before = sum(s.depths[:index])
        rates = torch.linspace(0, s.drop_path, sum(s.depths), device="cpu").tolist()
        self.blocks = nn.Sequential(
            *(
                RGTBlock(s, _attention(s, shifted), rates[before + block])
                for block, shifted in enumerate(_shifts(s, index))
            )
        )
        self.last = connection(s.channels, s.connection)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        """Return the features of `x`."""
        y = self.last(self.blocks(x).permute(0, 3, 1, 2))
        return y.permute(0, 2, 3, 1) + x


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
    """Yield what each layer sees along an axis."""
    yield 1
    for group in range(len(s.depths)):
        for shifted in _shifts(s, group):
            if shifted is not None:
                yield from rectangles_see(s.window, shifted)
            yield GatedMLP.reach
        yield REACH[s.connection]
    yield REACH[s.connection]
