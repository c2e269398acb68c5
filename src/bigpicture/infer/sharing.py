"""Sharing the context of the whole picture among its tiles, in any network.

    sweep    every tile runs; each operator's contexts of all tiles are merged    (n times)
    render   every tile runs; each operator applies the merged context

The first operators gather what they would in the whole picture. Later ones see features that
depend on the contexts applied before them, which in the first sweep are only those of the tile's
window. Each sweep applies what the one before has gathered, so the error falls from sweep to sweep.

Only the operators' contract (`bigpicture.context.contract`) is assumed of the network: `gather` is
replaced, in a private view of the network that shares all parameters. The network itself is never
written to, so any number of threads may run it meanwhile.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn

from bigpicture.context.contract import Context, ContextOperator, Part
from bigpicture.shapes import Tensor

__all__ = ["SharedContexts", "has_context", "view"]

M = TypeVar("M", bound=nn.Module)
Key = tuple[str, int]
"""Name of an operator, and the number of its earlier calls in the same pass."""


class SharedContexts:
    """The contexts of one picture, and a view of a network that shares them among tiles.

    For a single picture and a single thread.

    Args:
        network: Any module; it is not modified.

    Attributes:
        network: The view. Run it only inside `gather` or `render`.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = view(network)
        self._known: dict[Key, Context] = {}
        self._collected: dict[Key, Context] = {}
        self._expected: int | None = None
        self._calls: Counter[str] = Counter()
        self._part: Part | None = None
        for name, module in self.network.named_modules():
            if isinstance(module, ContextOperator):
                module.gather = self._asking(name, module.gather)  # pyright: ignore[reportAttributeAccessIssue]

    def gather(self, run: Callable[[], object], part: Part) -> None:
        """Collect the contexts of a tile's `part`.

        Args:
            run: Runs `network` on the tile. It is aborted once all operators have gathered.
            part: The pixels of the tile that count.

        Raises:
            ValueError: If the network has operators but does not run them as submodules.
        """
        self._calls.clear()
        self._part = part
        try:
            run()
        except _AllGathered:
            return
        finally:
            self._part = None
        self._expected = self._calls.total()
        if not self._expected and has_context(self.network):
            raise ValueError(
                "the network's context operators were not reached through its submodules, so tiles "
                "cannot share contexts; give the network before it is compiled, or context='tile'"
            )

    def settle(self) -> None:
        """End a sweep: from now on, operators apply the contexts collected in it."""
        self._known, self._collected = self._collected, {}

    def render(self, run: Callable[[], Tensor]) -> Tensor:
        """Return the result of `run`, in which operators apply the contexts settled last."""
        self._calls.clear()
        return run()

    def _asking(self, name: str, own: Callable[..., Any]) -> Callable[[Tensor], Context]:
        def gather(x: Tensor) -> Context:
            key = name, self._calls[name]
            self._calls[name] += 1
            if self._part is not None:
                self._collect(key, own(x, self._part))
                if self._calls.total() == self._expected:
                    raise _AllGathered
            return self._known[key] if key in self._known else own(x)

        return gather

    def _collect(self, key: Key, context: Context) -> None:
        before = self._collected.get(key)
        self._collected[key] = context if before is None else before.merge(context)


def has_context(network: nn.Module) -> bool:
    """Return whether any operator of `network` sees the whole picture."""
    return any(isinstance(module, ContextOperator) for module in network.modules())


class _AllGathered(Exception):  # noqa: N818 - not an error
    """Aborts a gathering pass whose remainder would be wasted."""


def view(network: M) -> M:
    """Return a copy of the module tree that shares every parameter, buffer and hook.

    Attributes set on a module of the copy are not set on the original. A module that occurs twice
    is a single module in the copy as well. Modules held other than as submodules (in a plain list,
    in a closure) remain those of the original.
    """
    return _view(network, {})


def _view(module: M, made: dict[int, nn.Module]) -> M:
    if id(module) in made:
        return made[id(module)]  # pyright: ignore[reportReturnType]
    # not copy.copy: modules may forbid it, or have side effects in __getstate__
    twin = object.__new__(type(module))
    made[id(module)] = twin
    twin.__dict__.update(module.__dict__)
    twin.__dict__["_modules"] = {
        name: None if child is None else _view(child, made)
        for name, child in module._modules.items()
    }
    return twin
