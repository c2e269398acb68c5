"""Collect the warnings of each piece of work, whichever thread runs it.

Python records warnings for all threads together; here each piece of work has its own list.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)


@contextmanager
def warnings_told_apart(
    *kinds: type[Warning], otherwise: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Send warnings of some kinds to the list of the work that raises them, see `heard_in`.

    Args:
        kinds: Kinds to collect. Others are shown as usual.
        otherwise: Called, in any thread, with each different text that no work collects; without
            it, these warnings are shown as usual too.
    """
    told: list[str] = []
    with warnings.catch_warnings():
        for kind in kinds:
            warnings.simplefilter("always", kind)
        shown = warnings.showwarning

        def hear(message: Warning | str, category: type[Warning], *rest: Any) -> None:  # noqa: ANN401
            heard, text = _heard.get(), str(message)
            collected = issubclass(category, kinds)
            if collected and heard is not None:
                if text not in heard:
                    heard.append(text)
            elif collected and otherwise is not None:
                if text not in told:
                    told.append(text)
                    otherwise(text)
            else:
                shown(message, category, *rest)

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
