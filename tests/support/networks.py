"""Small networks, changed settings, and networks in which nothing is as it started."""

from dataclasses import replace

import torch

from bigpicture.models.backbones.hourglass import HourglassSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings, weightless

__all__ = ["TINY_UHDN", "shaken", "weightless", "with_backbone", "with_head", "without"]

TINY_UHDN = NetworkSettings(
    HourglassSettings(channels=16, growth=4, blocks=1, depths=(2, 1, 1, 2)),
    SubPixelSettings(expansion="grouped"),
)


def with_backbone(settings: NetworkSettings, **changes) -> NetworkSettings:
    return replace(settings, backbone=replace(settings.backbone, **changes))


def with_head(settings: NetworkSettings, **changes) -> NetworkSettings:
    return replace(settings, head=replace(settings.head, **changes))


def shaken(settings: NetworkSettings) -> Network:
    """Return a network of which nothing is as it started: some parameters start at 0."""
    network = Network(settings).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return network


def without(stem: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors whose names begin with a stem, under what follows it."""
    return {key.removeprefix(stem): x for key, x in tensors.items() if key.startswith(stem)}
