"""Networks whose seeded weights make every part do something, as in trained networks.

    layer by layer: weight, bias ← weight/σ, bias/σ     σ: of its output, on some photographs

Untrained networks start close to doing nothing: γ is 0, attention is even, masks hardly differ. So
they do not show what tiling does to a trained one. Here the output of every layer has a variance of
1, batch norms have statistics of photographs, gates that start at 0 are one half, and the result
has the contrast of a photograph, so that differences can be given in levels of 255.

Source: Mishkin and Matas, "All You Need Is a Good Init", ICLR 2016 (layer-sequential unit
    variance). https://arxiv.org/abs/1511.06422
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from bigpicture.image import read
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.shapes import Float, Tensor

__all__ = ["Photographic", "seeded"]

_SAMPLES = Path(__file__).parents[1] / "samples"
_GAINS = {"decode": 0.15}
"""Standard deviation of a layer's output, by the layer's name, where trained ones have less than 1:
the logits of CRAC's masks. Separate tiles then differ by two levels, as with a CRAN trained to 37.3
dB (Set5, ×2); with 1, they would differ by twenty."""
_MEAN, _CONTRAST = 0.45, 0.2
"""Mean and standard deviation of a photograph's colours."""


class Photographic(nn.Module):
    """A network whose outputs are rescaled to the mean and contrast of a photograph.

    Args:
        network: The network, whose outputs may have any mean and contrast.
        drawn: Its outputs for photographs.
    """

    def __init__(self, network: Network, drawn: Float[Tensor, "b c H W"]) -> None:
        super().__init__()
        self.network = network
        self.limits = network.limits
        self._factor = _CONTRAST / drawn.std().item()
        self._mean = drawn.mean().item()

    def forward(self, low: Float[Tensor, "b c h w"], *asked: Any) -> Float[Tensor, "b c H W"]:  # noqa: ANN401
        """Return the network's output with its brightness and contrast adjusted."""
        return (self.network(low, *asked) - self._mean) * self._factor + _MEAN


@torch.no_grad()
def seeded(settings: NetworkSettings, seed: int = 1) -> Photographic:
    """Return a network of the given settings with seeded weights, in evaluation mode."""
    torch.manual_seed(seed)
    network = Network(settings).eval()
    for key, parameter in network.named_parameters():
        if parameter.numel() == 1 or key.endswith("gamma"):
            parameter.fill_(0.5)
    for key, module in network.named_modules():
        if isinstance(module, nn.Linear):  # some are never called, only their weights are used
            nn.init.kaiming_normal_(module.weight)
        _normalise_at_first_call(module, _GAINS.get(key.rpartition(".")[2], 1.0))
    return Photographic(network, network(_patches()))


def _normalise_at_first_call(module: nn.Module, gain: float) -> None:
    """Rescale a layer, at its first call, so that its output has a standard deviation of `gain`."""

    def scale(_: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> Tensor:
        hook.remove()
        factor = gain / made.std()
        for own in ("weight", "bias"):
            if isinstance(parameter := getattr(module, own, None), Tensor):
                parameter *= factor
        return made * factor

    def meet(_: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> Tensor:
        hook.remove()
        assert isinstance(module, nn.BatchNorm1d)
        module.running_mean, module.running_var = given[0].mean(0), given[0].var(0)
        return module.forward(given[0])

    weight = getattr(module, "weight", None)
    if isinstance(module, nn.BatchNorm1d):
        hook = module.register_forward_hook(meet)
    elif isinstance(weight, Tensor) and weight.ndim > 1:
        hook = module.register_forward_hook(scale)


def _patches(side: int = 48) -> Float[Tensor, "b 3 s s"]:
    """Return patches of two photographs, of the size of those in a training batch."""
    found = []
    for name in ("astronaut", "rocket"):
        picture = read(_SAMPLES / f"{name}.png").colour_tensor()
        found += [picture[:, i : i + side, i : i + side] for i in (0, 48, 96, 144)]
    return torch.stack(found)
