"""What the counters that papers used would report; some miss work, others charge extra.

    network, a picture's size ──▶ Counted

`by_hooks` knows PyTorch's modules only, like counters that attach hooks to them. It misses a kernel
that a module makes itself and convolves with by a function call: both its parameters and its
multiply-adds. CRAN's Table 7 was counted in this way, without the kernels of its CRACs.

`by_trace` counts as fvcore does, on the published code: to convolutions and matrix products it adds
five operations for each number that a layer norm normalises, and one for each number that is
averaged to one value per channel. In addition, the published code of RGT multiplies all pairs of
pixels within shifted windows, which it rolls around the picture's border, and masks the pairs from
opposite borders afterwards; ours never computes these. RGT's Tables 1 and 3 were counted like this.

`of_head` leaves out the backbone's parameters, as CiaoSR's Table 7 does.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import nn

from bigpicture.analysis.cost import Cost, cost, on_meta, parameters
from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.layers.rectangle_windows import RectangleWindowAttention
from bigpicture.models.network import Network
from bigpicture.shapes import Tensor

__all__ = ["Convention", "Counted", "by_hooks", "by_trace", "of_head"]

_NORM = 5  # operations that fvcore charges for each number


class Counted(NamedTuple):
    """What a counter reports.

    Attributes:
        parameters: The parameters that it sees.
        multiply_adds: The multiply-adds that it sees, and operations that it counts as such.
        true: The complete count.
    """

    parameters: int
    multiply_adds: int
    true: Cost


Convention = Callable[[Network, tuple[int, int]], Counted]
"""A network and the height and width of a low-resolution picture → what a counter reports."""

Charge = Callable[[nn.Module, Tensor, Tensor], int]
"""A module that runs, its input and its output → what a counter charges for the call."""


def by_hooks(network: Network, low: tuple[int, int]) -> Counted:
    """Return what a counter reports that knows only convolution and linear modules."""

    def products(module: nn.Module, _: Tensor, made: Tensor) -> int:
        assert isinstance(module.weight, Tensor)
        return made.numel() * module.weight[0].numel()

    true, total = _charge(network, low, {nn.Conv2d: products, nn.Linear: products})
    known = (m for m in network.modules() if _is_of_pytorch(m))
    seen = {id(p): p.numel() for module in known for p in module.parameters(recurse=False)}
    return Counted(sum(seen.values()), total, true)


def by_trace(network: Network, low: tuple[int, int]) -> Counted:
    """Return what fvcore reports for the published code."""

    def norm(_: nn.Module, x: Tensor, made: Tensor) -> int:
        return _NORM * made.numel()

    def mean(_: nn.Module, x: Tensor, made: Tensor) -> int:
        return x.numel()

    charges = {
        nn.LayerNorm: norm,
        ChannelAttention: mean,
        RectangleWindowAttention: _excluded_products,
    }
    true, more = _charge(network, low, charges)
    return Counted(true.parameters, true.multiply_adds + more, true)


def of_head(network: Network, low: tuple[int, int]) -> Counted:
    """Return the parameters of the head, and the multiply-adds of the whole network."""
    true = cost(network, low, colours=network.settings.colours)
    return Counted(parameters(network.head), true.multiply_adds, true)


def _charge(
    network: Network, low: tuple[int, int], charges: Mapping[type[nn.Module], Charge]
) -> tuple[Cost, int]:
    """Return the cost of a network, and the sum of the charges for all calls of its modules."""
    total = 0
    twin = on_meta(network)
    for kind, charge in charges.items():

        def add(
            module: nn.Module, inputs: tuple[Tensor, ...], made: Tensor, charge: Charge = charge
        ) -> None:
            nonlocal total
            total += charge(module, inputs[0], made)

        for module in twin.modules():
            if isinstance(module, kind):
                module.register_forward_hook(add)
    return cost(twin, low, colours=network.settings.colours), total


def _is_of_pytorch(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.nn") or isinstance(module, nn.Linear)


def _excluded_products(module: nn.Module, x: Tensor, _: Tensor) -> int:
    """Return the products of query and key, and of weight and value, that rolling adds."""
    assert isinstance(module, RectangleWindowAttention)
    if not module.shifted:
        return 0
    multiple, channels = max(module.windows[0]), x.shape[-1] // 2
    sides = [-(-side // multiple) * multiple for side in x.shape[1:3]]
    total = 0
    for window in module.windows:
        rolled, cut = 1, 1
        for whole, side in zip(sides, window, strict=True):
            rolled *= whole * side
            # the border cuts one window into two halves
            cut *= (whole - side) * side + 2 * (side // 2) ** 2
        total += 2 * (rolled - cut) * channels
    return x.shape[0] * total
