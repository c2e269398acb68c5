"""Counted costs of a network: parameters, multiply-adds, activations.

    network, a picture's size ──▶ Cost

The network runs on PyTorch's meta device, where tensors have shapes but no values, so nothing is
computed and no memory is taken. Calls of PyTorch's operators are counted, not modules, so
convolutions called as functions, with kernels made for each picture, and the products inside
attention are included. Additions, activations and normalisations are not, as is customary in the
field.

A multiply-add is two floating-point operations; super-resolution papers that say "FLOPs" mostly
mean multiply-adds. Activations are the output values of convolutions.

Source: Zhang et al., "AIM 2020 Challenge on Efficient Super-Resolution", ECCV Workshops 2020, for
    the activations. https://arxiv.org/abs/2009.06943
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bigpicture.compute.each_operator import EachOperator
from bigpicture.shapes import Tensor

__all__ = ["Cost", "cost", "on_meta", "parameters"]

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Cost:
    """What a network needs for one picture.

    Attributes:
        parameters: Parameters of the whole network, trained or frozen.
        multiply_adds: Multiply-adds of convolutions and matrix products.
        activations: Output values of convolutions.
        by_operator: Multiply-adds of each PyTorch operator, largest first.
    """

    parameters: int
    multiply_adds: int
    activations: int
    by_operator: Mapping[str, int]


def cost(
    network: nn.Module,
    low: tuple[int, int],
    *,
    colours: int = 3,
    size: tuple[int, int] | None = None,
) -> Cost:
    """Return what `network` needs for one picture in evaluation mode.

    Args:
        network: Pictures → pictures. It is neither modified nor moved.
        low: Height and width of the low-resolution picture.
        colours: Channels of the picture.
        size: Height and width of the result, for a network that renders any size.

    Raises:
        ValueError: If a side is below 1, or a tensor would have more than 2⁶³ bytes.
    """
    if min(low) < 1:
        raise ValueError(f"low must be a height and a width of at least 1 pixel, not {low}")
    twin = on_meta(network).eval()
    try:
        picture = torch.empty(1, colours, *low, device="meta")
        with torch.no_grad(), FlopCounterMode(display=False) as counter, _Activations() as made:
            twin(picture) if size is None else twin(picture, size)
    except (RuntimeError, TypeError) as error:
        if "verflow" not in str(error):
            raise
        height, width = low
        raise ValueError(
            f"{width}×{height} pixels are too many: a tensor would have more than 2⁶³ bytes"
        ) from error
    operations = counter.get_flop_counts().get("Global", {})
    by_operator = sorted(
        (
            (str(operator).removeprefix("aten."), count // 2)
            for operator, count in operations.items()
        ),
        key=lambda pair: -pair[1],
    )
    return Cost(parameters(network), counter.get_total_flops() // 2, made.count, dict(by_operator))


def parameters(network: nn.Module) -> int:
    """Return the number of a network's parameters; shared ones count once."""
    return sum(parameter.numel() for parameter in network.parameters())


def on_meta(network: M) -> M:
    """Return a copy of `network` that has shapes but no values, and takes no memory."""
    tensors = [*network.parameters(), *network.buffers()]
    return copy.deepcopy(network, {id(tensor): _without_numbers(tensor) for tensor in tensors})


def _without_numbers(tensor: Tensor) -> Tensor:
    shape = tensor.detach().to("meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(shape, requires_grad=tensor.requires_grad)
    return shape


class _Activations(EachOperator):
    """A counter of the output values of convolutions, while it is active."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def after(self, operator: Any, given: Any, made: Any) -> None:  # noqa: ANN401
        if operator.overloadpacket is torch.ops.aten.convolution:
            self.count += made.numel()
