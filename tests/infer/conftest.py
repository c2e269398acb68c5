"""Tiny networks whose contexts matter, so that tiles on their own show: the fixture `tiny`."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.infer import Model
from bigpicture.layers.modulation import Modulation
from bigpicture.models.backbones.hourglass import HourglassSettings
from bigpicture.models.contract import Limits
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings


class Attentive(nn.Module):
    """One operator that is called twice, the second time on what the first made. ×2, reach 4."""

    def __init__(self, colours: int = 3, multiple: int = 1, smallest: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(colours, 8, 3, padding=1)
        self.attention = ChannelAttention(8, 1)
        self.middle = nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.Conv2d(8, 4 * colours, 3, padding=1)
        self.limits = Limits(2, colours, reach=4, multiple=multiple, smallest=smallest)
        self.sizes: list[tuple[int, int]] = []
        with torch.no_grad():
            self.attention.excite[2].weight.mul_(20)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[-2:]
        assert height % self.limits.multiple == width % self.limits.multiple == 0
        assert min(height, width) >= self.limits.smallest
        self.sizes.append((height, width))  # a list, which views share with the original
        y = self.attention(self.middle(self.attention(self.first(x).relu())).relu())
        return torch.pixel_shuffle(self.last(y), 2)


class Local(nn.Module):
    """No operator: a convolution and a shuffle."""

    limits = Limits(2, 3, reach=1)

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 3, padding=1)
        self.sizes: list[tuple[int, int]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append((x.shape[-2], x.shape[-1]))
        return torch.pixel_shuffle(self.conv(x), 2)


class Remembering(nn.Module):
    """Makes a table for its first tile, and has all others use it."""

    limits = Limits(1, 3, reach=0)

    def __init__(self) -> None:
        super().__init__()
        self.attention = ChannelAttention(3, 1)
        self.tables: list[torch.Tensor] = []

    def forward(self, low: torch.Tensor) -> torch.Tensor:
        if not self.tables:
            self.tables.append(self.table())
        height, width = low.shape[-2:]
        return self.attention(low * self.tables[0][..., :height, :width])

    @staticmethod
    def table() -> torch.Tensor:
        return torch.linspace(0, 1, 2**16).reshape(256, 256)[None, None] + 0


class Nearest(nn.Module):
    """Repeats pixels, so that a test can say what comes out."""

    limits = Limits(2, 3, reach=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.repeat_interleave(2, -2).repeat_interleave(2, -1)


def modulated() -> Network:
    """A U-HDN of one shallow block, with kernels that differ much from picture to picture."""
    return Network(
        NetworkSettings(
            HourglassSettings(
                channels=16,
                growth=8,
                blocks=1,
                depths=(1, 1),
                modulation=Modulation(form="scaled", threshold=0.05),
            ),
            SubPixelSettings(expansion="grouped"),
        )
    ).eval()


def nearest() -> Model:
    return Model(Nearest(), Nearest.limits, "nearest")


def attentive(**limits: int) -> Model:
    network = Attentive(**limits)
    return Model(network, network.limits, "attentive")


def gradient_picture(height: int, width: int) -> torch.Tensor:
    """Return a picture whose parts differ, so that their contexts do as well."""
    rows = torch.linspace(0, 1, height)[:, None].expand(height, width)
    columns = torch.linspace(0, 1, width).expand(height, width)
    plain = torch.stack([rows, columns, rows * columns])[None]
    return (plain + 0.3 * torch.rand(1, 3, height, width) * columns).clamp(0, 1)


@pytest.fixture(scope="session")
def tiny() -> SimpleNamespace:
    """What this file defines, which no test can import."""
    return SimpleNamespace(
        Attentive=Attentive,
        Local=Local,
        Nearest=Nearest,
        Remembering=Remembering,
        modulated=modulated,
        nearest=nearest,
        attentive=attentive,
        gradient_picture=gradient_picture,
    )
