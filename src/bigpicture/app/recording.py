"""Collect the warnings of each piece of work, whichever thread runs it.

Python records warnings for all threads together; here each piece of work has its own list.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)


@contextmanager
def warnings_told_apart(*kinds: type[Warning]) -> Iterator[None]:
    """Send warnings of some kinds to the list of the work that raises them, see `heard_in`.

    Args:
        kinds: Kinds to collect. Others, and warnings outside any work, are shown as usual.
    """
    with warnings.catch_warnings():
        for kind in kinds:
            warnings.simplefilter("always", kind)
        shown = warnings.showwarning

        def hear(message: Warning | str, category: type[Warning], *rest: Any) -> None:  # noqa: ANN401
            heard = _heard.get()
            if heard is None or not issubclass(category, kinds):
                shown(message, category, *rest)
            elif str(message) not in heard:
                heard.append(str(message))

        warnings.showwarning = hear
        yield


@contextmanager
def heard_in(heard: list[str]) -> Iterator[None]:
    """Collect the warnings of a piece of work in a list."""
    token = _heard.set(heard)
    try:
        yield
    finally:
        _heard.reset(token)
