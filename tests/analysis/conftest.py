"""Networks in which what an operator sees is known: the picture, and the picture turned over."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pytest
import torch
from torch import nn

from bigpicture.models.contract import Backbone, HeadSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings


class Bare(Backbone):
    channels = 2
    reach = 0

    def __init__(self, body: nn.Module, multiple: int) -> None:
        super().__init__()
        self.body = body
        self.multiple = multiple

    def forward(self, x):
        return self.body(torch.cat([x, 1 - x], 1))


@dataclass(frozen=True)
class BareSettings:
    body: Callable[[], nn.Module]
    multiple: int = 1
    kind: Literal["bare"] = "bare"

    def build(self, colours: int) -> Bare:
        assert colours == 1
        return Bare(self.body(), self.multiple)


@pytest.fixture(scope="session")
def around():
    """Return a gray network whose backbone is `body` on features (x, 1 − x) of a picture x."""

    def network(
        body: nn.Module | None = None,
        head: HeadSettings = SubPixelSettings(),  # noqa: B008
        multiple: int = 1,
    ) -> Network:
        backbone = BareSettings(lambda: nn.Identity() if body is None else body, multiple)
        return Network(NetworkSettings(backbone, head, 1, (0.0,), (1.0,))).eval()

    return network
