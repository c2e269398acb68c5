"""The blocks of a network's backbone, found by what they are and not by a name.

A block is what a network repeats: a module of a list or a sequence (`nn.ModuleList`,
`nn.Sequential`) of the backbone that

- holds at least two operators of its own with weights (an operator with a context is one operator,
  whatever it is made of; norms and activations are none), and
- makes features of the size and the channels that the backbone's own have.

Of blocks within blocks, such as those of a group, the innermost count. So EDSR's residual blocks,
U-HDN's dense units and RGT's transformer blocks are found alike.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import nn

from bigpicture.analysis.operators import for_colours, numbered
from bigpicture.context.contract import ContextOperator
from bigpicture.infer.sharing import view
from bigpicture.models.network import Network
from bigpicture.shapes import Float, Tensor

__all__ = ["Made", "Turned", "blocks_of", "watch_blocks", "watch_turning"]

Made = Callable[[str, Tensor], None]
"""Called with a block's name and what it made, (b, c, h, w) or (b, h, w, c)."""

Turned = Callable[[str, Tensor, Tensor], None]
"""Called with a block's name, what it was given and what it made of that."""


def blocks_of(network: Network, low: Float[Tensor, "b c h w"]) -> list[str]:
    """Return the names of the backbone's blocks, in the order in which they run.

    Args:
        network: In evaluation mode.
        low: What to run it on to see what its modules make; a small picture will do.

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
            f"the backbone ({type(network.backbone).__name__}) repeats no module of two operators "
            "that keeps size and channels; name the modules that are to be compared"
        )
    return blocks


def watch_blocks(
    network: Network, low: Float[Tensor, "b c h w"], names: Iterable[str], made: Made
) -> Float[Tensor, "b d y x"]:
    """Return the features of pictures, and show what modules of the backbone make on the way.

    A module that runs several times is called `name`, `name (2)`, ….

    Args:
        network: In evaluation mode. It is left as it is; its head does not run.
        low: Pictures in [0, 1], of 1 or 3 channels.
        names: Of the modules.
        made: Called for each that makes a tensor, without gradients, while the network runs.

    Raises:
        ValueError: If the network has no module of such a name.
    """
    return watch_turning(network, low, names, lambda name, _, y: made(name, y))


def watch_turning(
    network: Network, low: Float[Tensor, "b c h w"], names: Iterable[str], turned: Turned
) -> Float[Tensor, "b d y x"]:
    """Return the features of pictures, and show what modules are given as well; `watch_blocks`.

    Raises:
        ValueError: If the network has no module of such a name.
    """
    seen = view(network)
    calls: Counter[str] = Counter()

    def watched(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*inputs: Any, **options: Any) -> Any:  # noqa: ANN401
            y = own(*inputs, **options)
            if isinstance(y, Tensor):
                turned(numbered(calls, name), inputs[0], y)
            return y

        return forward

    for name in names:
        try:
            module = seen.get_submodule(name)
        except AttributeError:
            raise ValueError(f"the network has no module {name!r}") from None
        module.forward = watched(name, module.forward)
    with torch.inference_mode():
        return seen.features(for_colours(low, network.settings.colours))[0]


def _candidates(module: nn.Module, name: str) -> Iterator[str]:
    """Yield the names of all modules of lists and sequences that hold operators."""
    for child_name, child in module.named_children():
        full = f"{name}.{child_name}"
        if isinstance(child, ContextOperator):
            continue
        listed = isinstance(module, nn.ModuleList | nn.Sequential)
        if listed and sum(1 for _ in _operators(child)) >= 2:
            yield full
        yield from _candidates(child, full)


def _operators(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the operators with weights that a module is made of."""
    own = module.parameters(recurse=False)
    if isinstance(module, ContextOperator) or any(p.ndim >= 2 for p in own):
        yield module
        return
    for child in module.children():
        yield from _operators(child)
