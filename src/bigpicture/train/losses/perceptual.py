"""Perceptual loss: L1 between the features that a trained network computes.

    (b, 3, H, W) ──network──▶ features of some layers ──Σ weight · mean |Δ|──▶ ()

The usual network is VGG-19, trained on ImageNet, and the usual layers the last convolutions of its
five blocks, before their activation. Its weights come from torchvision, which is not installed with
bigpicture; any other network that returns features by name works as well.

Source: Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV
    2016. https://arxiv.org/abs/1603.08155
    Wang et al. (ESRGAN: before the activation), https://arxiv.org/abs/1809.00219
    Wang et al. (Real-ESRGAN: these layers and weights), https://arxiv.org/abs/2107.10833
"""

from collections.abc import Iterable, Iterator, Mapping
from urllib.error import URLError

import torch
from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["LAYERS", "Perceptual", "Taps", "layer_names", "vgg19"]

LAYERS = {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0}
"""VGG-19's layers and their weights, as in Real-ESRGAN and BSRGAN."""

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


class Perceptual(nn.Module):
    """The weighted mean absolute difference of features.

    Args:
        network: Maps RGB in [0, 1] to features by layer, see `Taps` and `vgg19`. It is frozen.
        weights: Weight of each layer.

    Raises:
        ValueError: If no layer is given.
    """

    def __init__(self, network: nn.Module, weights: Mapping[str, float] = LAYERS) -> None:
        super().__init__()
        if not weights:
            raise ValueError("weights is empty; give at least one layer and its weight")
        self.network = network.requires_grad_(False).eval()
        self.weights = dict(weights)

    def train(self, mode: bool = True) -> "Perceptual":
        """Change nothing: the network's features must not depend on the batch."""
        return self

    def forward(
        self, restored: Float[Tensor, "b c H W"], reference: Float[Tensor, "b c H W"]
    ) -> Float[Tensor, ""]:
        """Return the loss. Gray pictures are expanded to RGB for the network.

        Raises:
            ValueError: If the network has no such layer.
        """
        with torch.no_grad():
            wanted = self._features(reference)
        found = self._features(restored)
        parts = [
            weight * (found[layer].float() - wanted[layer].float()).abs().mean()
            for layer, weight in self.weights.items()
        ]
        return torch.stack(parts).sum()

    def _features(self, picture: Float[Tensor, "b c H W"]) -> dict[str, Tensor]:
        features = self.network(picture.expand(-1, 3, -1, -1))
        missing = self.weights.keys() - features.keys()
        if missing:
            raise ValueError(
                f"the network has no layers {', '.join(sorted(missing))}; "
                f"it has {', '.join(features)}"
            )
        return features


class Taps(nn.Module):
    """A plain chain of layers that returns the features of some of them.

    Args:
        layers: Convolutions, activations and poolings, such as a VGG's. Their names are
            `conv1_1, relu1_1, …, pool1, conv2_1, …`; see `layer_names`.
        wanted: Names of the layers whose features are returned; those after the last are dropped.

    Raises:
        ValueError: If there is no such layer.
    """

    def __init__(self, layers: nn.Sequential, wanted: Iterable[str]) -> None:
        super().__init__()
        names = list(layer_names(layers))
        self.wanted = frozenset(wanted)
        missing = self.wanted - set(names)
        if missing:
            raise ValueError(
                f"wanted has {', '.join(sorted(missing))}; the layers are {', '.join(names)}"
            )
        last = max(names.index(name) for name in self.wanted)
        kept = zip(names[: last + 1], layers, strict=False)
        # An activation in place would overwrite the features before it, which may be wanted.
        self.layers = nn.ModuleDict(
            {name: nn.ReLU() if isinstance(each, nn.ReLU) else each for name, each in kept}
        )
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(3, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, picture: Float[Tensor, "b 3 H W"]) -> dict[str, Tensor]:
        """Return the features of RGB in [0, 1], normalised by ImageNet's mean and deviation."""
        x = (picture - self.mean) / self.std
        found = {}
        for name, layer in self.layers.items():
            x = layer(x)
            if name in self.wanted:
                found[name] = x
        return found


def layer_names(layers: nn.Sequential) -> Iterator[str]:
    """Yield the usual name of each layer: a block ends with its pooling.

    >>> chain = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3))
    >>> list(layer_names(chain))
    ['conv1_1', 'relu1_1', 'pool1', 'conv2_1']
    """
    block, convolution = 1, 0
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            convolution += 1
            yield f"conv{block}_{convolution}"
        elif isinstance(layer, nn.MaxPool2d):
            yield f"pool{block}"
            block, convolution = block + 1, 0
        else:
            yield f"relu{block}_{convolution}"


def vgg19(wanted: Iterable[str] = LAYERS) -> Taps:
    """Return VGG-19 with torchvision's ImageNet weights, which are downloaded once.

    Raises:
        ImportError: If torchvision is not installed, or in a build for another PyTorch.
        OSError: If torchvision has to download the weights and cannot.
        ValueError: If there is no such layer.
    """
    try:
        from torchvision.models import (  # pyright: ignore[reportMissingImports]
            VGG19_Weights,
            vgg19,
        )
    # A binary part that cannot register its operators raises a RuntimeError.
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            f"the perceptual loss needs torchvision's VGG-19 ({error}): pip install torchvision, "
            f"in the build that fits torch {torch.__version__}"
        ) from error
    try:
        network = vgg19(weights=VGG19_Weights.IMAGENET1K_V1)
    except URLError as error:
        raise OSError(
            f"torchvision cannot download the weights of VGG-19 ({error.reason}); put "
            f"{VGG19_Weights.IMAGENET1K_V1.url} into {torch.hub.get_dir()}/checkpoints"
        ) from error
    return Taps(network.features, wanted)
