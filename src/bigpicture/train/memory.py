"""Lack of memory, as an error that says what to change."""

from collections.abc import Iterator
from contextlib import contextmanager

from bigpicture.infer.memory import is_out_of_memory

__all__ = ["advising"]


@contextmanager
def advising(work: str, advice: str) -> Iterator[None]:
    """Turn a lack of memory inside the context into advice.

    Args:
        work: What does not fit into memory.
        advice: What to change.

    Raises:
        ValueError: If memory runs out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise ValueError(f"{work} does not fit into memory ({error}); {advice}") from error
