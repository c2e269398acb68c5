"""What other counters would count: those that papers used, which miss some work or charge more.

    network, a picture's size ──▶ Counted

`by_hooks` knows PyTorch's modules alone, as counters that hang hooks on them do. A kernel that a
module makes itself and convolves with as a function is none of its parameters and none of its
multiply-adds. CRAN's Table 7 was counted in this way, without the kernels of its CRACs.

`by_trace` is fvcore's way, on the published code: to convolutions and matrix products it adds five
operations for each number that a layer norm normalises, and one for each that is pooled to one
value a channel. The published code of RGT, moreover, multiplies all pairs of pixels within shifted
windows that are rolled around the picture's border, and excludes those of opposite borders
afterwards; ours never makes them. This is how RGT's Tables 1 and 3 were counted.

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
    """What a counter says.

    Attributes:
        parameters: Those it sees.
        multiply_adds: Those it sees, or takes for such.
        true: What there is.
    """

    parameters: int
    multiply_adds: int
    true: Cost


Convention = Callable[[Network, tuple[int, int]], Counted]
"""A network and the height and width of a low-resolution picture → what a counter says."""

Charge = Callable[[nn.Module, Tensor, Tensor], int]
"""A module that runs, what it is given and what it makes → what a counter charges for it."""


def by_hooks(network: Network, low: tuple[int, int]) -> Counted:
    """Return what a counter sees that knows convolutions and linear layers as modules alone."""

    def products(module: nn.Module, _: Tensor, made: Tensor) -> int:
        assert isinstance(module.weight, Tensor)
        return made.numel() * module.weight[0].numel()

    true, total = _charge(network, low, {nn.Conv2d: products, nn.Linear: products})
    known = (m for m in network.modules() if _is_of_pytorch(m))
    seen = {id(p): p.numel() for module in known for p in module.parameters(recurse=False)}
    return Counted(sum(seen.values()), total, true)


def by_trace(network: Network, low: tuple[int, int]) -> Counted:
    """Return what fvcore says of the published code."""

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
    """Return the parameters of the head, and the multiply-adds of all."""
    true = cost(network, low, colours=network.settings.colours)
    return Counted(parameters(network.head), true.multiply_adds, true)


def _charge(
    network: Network, low: tuple[int, int], charges: Mapping[type[nn.Module], Charge]
) -> tuple[Cost, int]:
    """Return what a network needs, and the sum of what is charged for its modules, run by run."""
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
            # instead of one window, the border cuts two halves
            cut *= (whole - side) * side + 2 * (side // 2) ** 2
        total += 2 * (rolled - cut) * channels
    return x.shape[0] * total
