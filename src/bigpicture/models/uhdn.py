"""U-HDN, the U-hourglass dense network with image-specific kernel modulation.

    (b, 3, h, w) ──trunk of U-hourglass blocks──▶ (b, c, h, w) ──sub-pixel head──▶ (b, 3, r·h, r·w)

Published sizes: `uhdn` and `uhdn_l` (the paper), `comonet_s` (the authors' later release, whose
checkpoints load, see `bigpicture.weights`). The blocks of the paper's Table III, the ablations of
Tables IV and V and Fig. 11 are settings.

Source: Huang et al., "Image-specific Convolutional Kernel Modulation for Single Image
    Super-resolution". https://arxiv.org/abs/2111.08362
Changed: dense units do not concatenate (`bigpicture.layers.dense`); the modulated convolution does
    not need groups (`bigpicture.context.kernels`). Results are the same.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

from bigpicture.layers.blocks import Residual, residual_block
from bigpicture.layers.dense import DenseUnit
from bigpicture.layers.hourglass import UHourglassBlock
from bigpicture.layers.modulation import Activation, Modulation
from bigpicture.layers.normalise import DIV2K_MEAN, Normalise
from bigpicture.models.backbones.trunk import Trunk
from bigpicture.models.heads.subpixel import Expansion, SubPixelHead, prime_steps
from bigpicture.models.limits import Limits
from bigpicture.shapes import Float, Tensor

__all__ = ["UHDN", "UHDNSettings", "comonet_s", "uhdn", "uhdn_l"]


@dataclass(frozen=True)
class UHDNSettings:
    """Everything that makes a U-HDN.

    Attributes:
        scale: Enlargement r of each side.
        colours: Channels of the pictures, 3 or 1.
        channels: Feature channels c.
        growth: Channels g that each dense layer adds.
        blocks: How many blocks B.
        depths: Dense layers of each unit of a block; of a residual block, how many stand in it.
        block: `hourglass`, `dense` (its units one after the other), `residual-dense` (each unit
            plus its input) or `residual` (EDSR's, as many as `depths` has entries).
        skips: The U's inner skips (Table V).
        modulation: What steers the blocks' convolutions.
        activation: Of the blocks.
        thresholds: A threshold for each dense layer, by block, unit and layer, where they differ.
        expansion: How the head expands, see `SubPixelHead`.
        bias: Biases in the trunk's convolutions and the transitions; the last one always has one.
        mean: Of the training pictures' colours, in [0, 1].
        std: By which colours are divided after subtracting the mean.
    """

    scale: int = 2
    colours: int = 3
    channels: int = 64
    growth: int = 12
    blocks: int = 4
    depths: tuple[int, ...] = (6, 5, 4, 4, 5, 6)
    block: Literal["hourglass", "dense", "residual-dense", "residual"] = "hourglass"
    skips: bool = True
    modulation: Modulation = field(default_factory=Modulation)
    activation: Activation = field(default_factory=Activation)
    thresholds: tuple[tuple[tuple[float, ...], ...], ...] | None = None
    expansion: Expansion = "grouped"
    bias: bool = False
    mean: tuple[float, ...] = DIV2K_MEAN
    std: tuple[float, ...] = (1.0, 1.0, 1.0)


class UHDN(nn.Module):
    """Pictures in [0, 1] → the same, `scale` times larger. See `UHDNSettings`."""

    def __init__(self, settings: UHDNSettings) -> None:
        super().__init__()
        self.settings = settings
        blocks = [_block(settings, index) for index in range(settings.blocks)]
        self.normalise = Normalise(
            *(_for_colours(values, settings.colours) for values in (settings.mean, settings.std))
        )
        self.trunk = Trunk(settings.colours, settings.channels, blocks, settings.bias)
        self.head = SubPixelHead(
            settings.channels, settings.colours, settings.scale, settings.expansion
        )

    def forward(self, low: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c H W"]:
        """Return the pictures `low`, in [0, 1], on a grid `scale` times finer."""
        if self._gains_nothing_from_batches(low):
            return torch.cat([self._restore(picture) for picture in low.split(1)])
        return self._restore(low)

    def _restore(self, low: Tensor) -> Tensor:
        return self.normalise.undo(self.head(self.trunk(self.normalise(low))))

    def _gains_nothing_from_batches(self, low: Tensor) -> bool:
        """Return whether pictures go one by one, so that their features need no gathering.

        On a CPU, every picture's modulated kernels run on their own anyway.
        """
        modulation = self.settings.modulation
        return (
            len(low) > 1
            and not self.training
            and modulation.attention == "ikm"
            and modulation.gradient != "go"  # which mixes the batch
            and low.device.type == "cpu"
            and not torch.compiler.is_compiling()
        )

    @property
    def limits(self) -> Limits:
        """How this network may be used."""
        s = self.settings
        taps = s.modulation.dilation * (s.modulation.kernel // 2)
        layers = 2 * len(s.depths) if s.block == "residual" else sum(s.depths)
        # on the fine grids of the head, a window reaches less than one low-resolution pixel more
        head = len(prime_steps(s.scale)) + 1
        return Limits(s.scale, s.colours, reach=2 + s.blocks * layers * taps + head)


def uhdn(scale: int) -> UHDNSettings:
    """Return U-HDN, 1.39 M parameters."""
    return UHDNSettings(scale=scale)


def uhdn_l(scale: int) -> UHDNSettings:
    """Return U-HDN-L, 10.9 M parameters."""
    return UHDNSettings(scale=scale, channels=128, growth=24, blocks=8)


def comonet_s(scale: int) -> UHDNSettings:
    """Return CoMoNet-S, 0.72 M parameters at ×2."""
    return UHDNSettings(
        scale=scale,
        channels=48,
        growth=8,
        modulation=Modulation(form="scaled"),
        activation=Activation(slope=0.1),
        expansion="depthwise",
        bias=True,
        mean=(0.466, 0.448, 0.403),
        std=(0.242, 0.234, 0.246),
    )


def _block(s: UHDNSettings, index: int) -> nn.Module:
    if s.block == "residual":
        channels = s.channels
        return nn.Sequential(
            *(residual_block(channels, s.modulation, s.activation) for _ in s.depths)
        )
    thresholds = s.thresholds[index] if s.thresholds else [None] * len(s.depths)
    units = [
        DenseUnit(s.channels, s.growth, depth, s.modulation, s.activation, s.bias, own)
        for depth, own in zip(s.depths, thresholds, strict=True)
    ]
    if s.block == "hourglass":
        return UHourglassBlock(units, s.skips)
    return nn.Sequential(*(Residual(u) if s.block == "residual-dense" else u for u in units))


def _for_colours(values: tuple[float, ...], colours: int) -> tuple[float, ...]:
    """Return one value a colour; of a colour network's values, gray takes the mean."""
    if len(values) == colours:
        return values
    if colours == 1:
        return (sum(values) / len(values),)
    raise ValueError(f"mean and std must have {colours} values (the colours), not {len(values)}")
