"""The blocks of a network's backbone, recognised by their structure and not by their names.

A block is an item of a list or a sequence (`nn.ModuleList`, `nn.Sequential`) of the backbone that

- contains at least two operators with weights (an operator with a context counts as one, whatever
  it is made of; norms and activations do not count), and
- makes features of the same size, with the same number of channels, as the backbone's result.

Of nested blocks, such as those of a group, only the innermost count. This finds EDSR's residual
blocks, U-HDN's dense units and RGT's transformer blocks alike.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import nn

from bigpicture.analysis.operators import each_alone, for_colours, numbered
from bigpicture.context.contract import ContextOperator
from bigpicture.models.network import Network
from bigpicture.shapes import Float, Tensor

__all__ = ["Made", "Turned", "blocks_of", "watch_blocks", "watch_turning"]

Made = Callable[[str, Tensor], None]
"""Called with a block's name and its output, (b, c, h, w) or (b, h, w, c)."""

Turned = Callable[[str, Tensor, Tensor], None]
"""Called with a block's name, its input and its output."""


def blocks_of(network: Network, low: Float[Tensor, "b c h w"]) -> list[str]:
    """Return the names of the backbone's blocks, in the order in which they run.

    Args:
        network: In evaluation mode.
        low: A picture to run the network on, to see its modules' outputs; a small one will do.

    Raises:
        ValueError: If nothing in the backbone is a block.
    """
    shapes: dict[str, list[int]] = {}
    candidates = dict.fromkeys(_candidates(network.backbone, "backbone"))
    features = watch_blocks(
        network, low, candidates, lambda name, x: shapes.__setitem__(name, sorted(x.shape))
    )
    alike = [
        name for name in shapes if name in candidates and shapes[name] == sorted(features.shape)
    ]
    blocks = [name for name in alike if not any(other.startswith(f"{name}.") for other in alike)]
    if not blocks:
        raise ValueError(
            f"the backbone ({type(network.backbone).__name__}) repeats no module of at least "
            "two operators that keeps size and channels; name the modules to compare"
        )
    return blocks


def watch_blocks(
    network: Network, low: Float[Tensor, "b c h w"], names: Iterable[str], made: Made
) -> Float[Tensor, "b d y x"]:
    """Return the features of pictures, and pass the outputs of the named modules to `made`.

    A module that runs several times is called `name`, `name (2)`, ….

    Args:
        network: In evaluation mode. It is not modified, and its head does not run.
        low: Pictures in [0, 1], of 1 or 3 channels.
        names: Names of the modules.
        made: Called while the network runs, for each module that makes a tensor, without gradients.

    Raises:
        ValueError: If the network has no module of one of these names.
    """
    return watch_turning(network, low, names, lambda name, _, y: made(name, y))


def watch_turning(
    network: Network, low: Float[Tensor, "b c h w"], names: Iterable[str], turned: Turned
) -> Float[Tensor, "b d y x"]:
    """Do what `watch_blocks` does, but pass on the modules' inputs as well.

    Raises:
        ValueError: If the network has no module of one of these names.
    """
    seen = each_alone(network)
    calls: Counter[str] = Counter()

    def watched(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*inputs: Any, **options: Any) -> Any:  # noqa: ANN401
            y = own(*inputs, **options)
            if isinstance(y, Tensor):
                turned(numbered(calls, name), inputs[0], y)
            return y

        return forward

    for name in dict.fromkeys(names):
        try:
            module = seen.get_submodule(name)
        except AttributeError:
            raise ValueError(f"the network has no module {name!r}") from None
        module.forward = watched(name, module.forward)
    with torch.inference_mode():
        return seen.features(for_colours(low, network.settings.colours))[0]


def _candidates(module: nn.Module, name: str) -> Iterator[str]:
    """Yield the names of all items of lists and sequences with at least two operators."""
    for child_name, child in module.named_children():
        full = f"{name}.{child_name}"
        if isinstance(child, ContextOperator):
            continue
        listed = isinstance(module, nn.ModuleList | nn.Sequential)
        if listed and sum(1 for _ in _operators(child)) >= 2:
            yield full
        yield from _candidates(child, full)


def _operators(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the operators with weights in a module."""
    own = module.parameters(recurse=False)
    if isinstance(module, ContextOperator) or any(p.ndim >= 2 for p in own):
        yield module
        return
    for child in module.children():
        yield from _operators(child)
