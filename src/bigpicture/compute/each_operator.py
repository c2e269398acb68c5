"""Observe every operator that runs, in any network, without changes to the network.

Operators are observed below autograd, so whatever an observer computes is not differentiated.
"""

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["EachOperator"]


class EachOperator(TorchDispatchMode):
    """Base class that calls `before` and `after` around every operator while it is active."""

    def before(self, given: Any) -> None:  # noqa: ANN401 - any nest of values
        """Observe the arguments of an operator that is about to run."""

    def after(self, operator: Any, given: Any, made: Any) -> None:  # noqa: ANN401
        """Observe an operator that has run, its arguments and its result."""

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        given = (args, kwargs)
        self.before(given)
        made = func(*args, **(kwargs or {}))
        self.after(func, given, made)
        return made
