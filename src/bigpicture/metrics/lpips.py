"""LPIPS: the distance of two pictures in the features of a network, weighted as people judge it.

    (…, 3, h, w), (…, 3, h, w) ──▶ (…)     0 for equal pictures, lower is better

Of the extra `iqa`: the weighting is in the package torchmetrics; the features are torchvision's
AlexNet, VGG-16 or SqueezeNet with their ImageNet weights, which torchvision downloads once into the
folder `torch.hub.get_dir()`. Where it may not, put the file there before.

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

__all__ = ["lpips"]

Network = Literal["alex", "vgg", "squeeze"]


def lpips(
    restored: Float[Tensor, "*batch 3 h w"],
    reference: Float[Tensor, "..."],
    *,
    network: Network = "alex",
) -> Float[Tensor, "*batch"]:
    """Return the LPIPS of each picture, 0 for equal pictures: lower is better.

    Args:
        restored: RGB in [0, 1]; values beyond are clipped.
        reference: What they should be, of the same shape.
        network: Whose features; tables mostly use AlexNet's.

    Returns:
        One float64 number for each picture.

    Raises:
        ImportError: If torchmetrics or torchvision is not installed.
        OSError: If torchvision has to download the network's weights and cannot.
        ValueError: If the shapes differ.
    """
    pair = as_float64(restored, reference)
    measure = _measure(network, pair[0].device)
    x, y = (images.reshape(-1, *images.shape[-3:]).float().clamp(0, 1) for images in pair)
    with torch.no_grad():
        scores = [measure(a[None], b[None]).double() for a, b in zip(x, y, strict=True)]
    return torch.stack(scores).reshape(restored.shape[:-3])


@cache
def _measure(network: Network, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    """Return what measures a pair in [0, 1]; its weights are read once."""
    try:
        from torchmetrics.image.lpip import (  # pyright: ignore[reportMissingImports]
            LearnedPerceptualImagePatchSimilarity,
        )

        found = LearnedPerceptualImagePatchSimilarity(net_type=network, normalize=True)
    # A torchvision that was built for another PyTorch is a RuntimeError.
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
