"""LPIPS: the distance between two pictures in a network's features, weighted as people judge.

    (…, 3, h, w), (…, 3, h, w) ──▶ (…)     0 for equal pictures, lower is better

Needs the extra `iqa`: the weighting comes with the package torchmetrics; the features are those of
torchvision's AlexNet, VGG-16 or SqueezeNet with ImageNet weights, which torchvision downloads once
into `checkpoints` in the folder `torch.hub.get_dir()`. Without network access, put the file there.

Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric",
    CVPR 2018. https://arxiv.org/abs/1801.03924
"""

from collections.abc import Callable
from functools import cache
from typing import Literal
from urllib.error import URLError

import torch

from bigpicture.metrics.pairs import as_float64
from bigpicture.shapes import Float, Tensor

__all__ = ["check_size", "lpips"]

Network = Literal["alex", "vgg", "squeeze"]
_SMALLEST: dict[Network, int] = {"alex": 31, "vgg": 16, "squeeze": 17}
"""Sides from which on each layer has an output; the pooling layers halve them."""


def check_size(height: int, width: int, network: Network = "alex") -> None:
    """Check that pictures are large enough for a network.

    Raises:
        ValueError: If a side is too short.
    """
    if min(height, width) < _SMALLEST[network]:
        raise ValueError(
            f"image is {width}×{height}; LPIPS with {network} needs {_SMALLEST[network]} pixels "
            "a side"
        )


def lpips(
    restored: Float[Tensor, "*batch 3 h w"],
    reference: Float[Tensor, "..."],
    *,
    network: Network = "alex",
) -> Float[Tensor, "*batch"]:
    """Return the LPIPS of each picture, 0 for equal pictures: lower is better.

    Args:
        restored: RGB, clipped to [0, 1].
        reference: The references, of the same shape.
        network: The network that gives the features; tables mostly use AlexNet.

    Returns:
        One float64 number for each picture.

    Raises:
        ImportError: If torchmetrics or torchvision is not installed.
        OSError: If torchvision has to download the network's weights and cannot.
        ValueError: If the shapes differ, or a side is shorter than the network needs: 31 pixels for
            alex, 16 for vgg, 17 for squeeze.
    """
    pair = as_float64(restored, reference)
    check_size(restored.shape[-2], restored.shape[-1], network)
    measure = _measure(network, pair[0].device)
    x, y = (images.reshape(-1, *images.shape[-3:]).float().clamp(0, 1) for images in pair)
    with torch.no_grad():
        scores = [measure(a[None], b[None]).double() for a, b in zip(x, y, strict=True)]
    return torch.stack(scores).reshape(restored.shape[:-3])


@cache
def _measure(network: Network, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a function that measures a pair in [0, 1]; its weights are read once."""
    try:
        from torchmetrics.image.lpip import (  # pyright: ignore[reportMissingImports]
            LearnedPerceptualImagePatchSimilarity,
        )

        found = LearnedPerceptualImagePatchSimilarity(net_type=network, normalize=True)
    # A torchvision built for another PyTorch raises RuntimeError.
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            f"LPIPS needs torchmetrics and torchvision ({error}): pip install 'bigpicture[iqa]'"
        ) from error
    except URLError as error:
        raise OSError(
            f"torchvision cannot download the weights of {network} ({error.reason}); put its file "
            f"into {torch.hub.get_dir()}/checkpoints"
        ) from error
    return found.to(device)
