"""A network's operators, found by their kind, and what each of them gathers from a picture.

    low (1, c, h, w) ──network──▶ operator: x, context ──▶ see(name, operator, x, context)

Operators are recognised by their class, in any network. The network is not modified: it is watched
through a view that shares its parameters (`bigpicture.infer.sharing`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import torch
from torch import nn

from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.context.contract import ContextOperator
from bigpicture.context.crac import CRACConv2d
from bigpicture.context.graph import GraphReasoning
from bigpicture.context.ikm import IKMConv2d
from bigpicture.context.non_local import CrossScaleAttention
from bigpicture.context.rg_sa import RecursiveGeneralizationAttention
from bigpicture.infer.sharing import view
from bigpicture.layers.hai import HybridAdaptiveIntegration
from bigpicture.models.heads.graph import GlobalReasoningReconstruction, GlobalReasoningUpsampling
from bigpicture.models.network import Network
from bigpicture.shapes import Float, Tensor

__all__ = [
    "NETWORKS",
    "See",
    "each_alone",
    "find",
    "for_colours",
    "numbered",
    "some_of",
    "watch",
]

M = TypeVar("M", bound=nn.Module)

See = Callable[[str, Any, Tensor, Any], None]
"""Called with an operator's name, the operator, its input and the context gathered from that."""

NETWORKS: dict[type[nn.Module], str] = {
    ChannelAttention: "rcan",
    CRACConv2d: "cran",
    CrossScaleAttention: "ciaosr",
    GlobalReasoningReconstruction: "srgrn",
    GlobalReasoningUpsampling: "srgrn",
    GraphReasoning: "srgrn",
    HybridAdaptiveIntegration: "rgt",
    IKMConv2d: "uhdn",
    RecursiveGeneralizationAttention: "rgt",
}
"""The family of networks that was published with each kind of operator."""


def find(network: nn.Module, kinds: Sequence[type[M]], what: str) -> dict[str, M]:
    """Return a network's modules of some kinds by their names, in the network's order.

    Args:
        network: Any module.
        kinds: Kinds of operators, all of them keys of `NETWORKS`.
        what: What the caller wants from these operators, for the error message.

    Raises:
        ValueError: If the network has no such module.
    """
    found = {
        name: module for name, module in network.named_modules() if isinstance(module, tuple(kinds))
    }
    if found:
        return found
    having = " or ".join(f"{kind.__name__} (in {NETWORKS[kind]})" for kind in kinds)
    known = tuple(NETWORKS)
    there = {type(m).__name__ for m in network.modules() if isinstance(m, known)}
    own = f"has only {', '.join(sorted(there))}" if there else "has no operator with a context"
    raise ValueError(f"{what}: this network {own}; networks with {having} are needed")


def each_alone(network: M) -> M:
    """Return a view of a network in which the pictures of a batch do not influence each other.

    IKM of `go` averages its kernels over the batch. Those of a single picture are the same as with
    `exact`, which keeps a kernel per picture.
    """
    seen = view(network)
    for module in seen.modules():
        if isinstance(module, IKMConv2d) and module.gradient == "go":
            module.gradient = "exact"
    return seen


def some_of(names: Sequence[str], pattern: str | None, most: int) -> list[str]:
    """Return the names that match a pattern; of too many, the first, the last and some in between.

    >>> some_of(["a.1", "a.2", "a.3", "a.4", "b.1"], "a.*", 3)
    ['a.1', 'a.3', 'a.4']

    Raises:
        ValueError: If no name matches.
    """
    fitting = [name for name in names if pattern is None or fnmatchcase(name, pattern)]
    if not fitting:
        raise ValueError(f"no name matches {pattern!r}; names are {', '.join(names)}")
    if len(fitting) <= most:
        return fitting
    steps = max(most - 1, 1)
    return [fitting[(i * (len(fitting) - 1) + steps // 2) // steps] for i in range(most)]


def watch(
    network: Network,
    low: Float[Tensor, "1 c h w"],
    kinds: Sequence[type[ContextOperator[Any]]],
    see: See,
) -> None:
    """Run a network on a picture, and pass its operators' inputs and contexts to `see`.

    An operator that runs several times is called `name`, `name (2)`, ….

    Args:
        network: In evaluation mode.
        low: 1 or 3 channels in [0, 1]. Gray networks get the mean of the colours; for colour
            networks, gray is repeated three times.
        kinds: Kinds of operators to watch.
        see: Called for each operator while the network runs, without gradients.
    """
    seen = view(network)
    calls: Counter[str] = Counter()

    def watched(name: str, operator: ContextOperator[Any]) -> Callable[..., Any]:
        own = operator.gather

        def gather(x: Tensor) -> Any:  # noqa: ANN401
            context = own(x)
            see(numbered(calls, name), operator, x, context)
            return context

        return gather

    for name, module in seen.named_modules():
        if isinstance(module, tuple(kinds)):
            module.gather = watched(name, module)  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
    with torch.inference_mode():
        seen(for_colours(low, network.settings.colours))


def numbered(calls: Counter[str], name: str) -> str:
    """Count a call and return the module's name, numbered from the second call on."""
    calls[name] += 1
    return name if calls[name] == 1 else f"{name} ({calls[name]})"


def for_colours(low: Float[Tensor, "b c h w"], colours: int) -> Float[Tensor, "b d h w"]:
    """Return pictures with the number of channels that a network takes."""
    if low.shape[1] == colours:
        return low
    return low.mean(1, keepdim=True) if colours == 1 else low.expand(-1, colours, -1, -1)
