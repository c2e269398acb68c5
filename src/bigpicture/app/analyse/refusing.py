"""What cannot be done becomes a refusal, in all subcommands of `bigpicture analyse`."""

from collections.abc import Iterator
from contextlib import contextmanager

from bigpicture.app.console import refuse


@contextmanager
def refusing(advice: str) -> Iterator[None]:
    """Refuse a `ValueError`, `OSError` or `ImportError` that is raised inside, or a lack of memory.

    Args:
        advice: What to do if memory runs out.
    """
    from bigpicture.infer.memory import advising

    try:
        with advising("this", advice):
            yield
    except (ValueError, OSError, ImportError) as error:
        refuse(error)
