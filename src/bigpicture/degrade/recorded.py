"""The base class of everything that records contain."""

from typing import ClassVar

from pydantic import ConfigDict

__all__ = ["Recorded"]


class Recorded:
    """Base of frozen dataclasses read from JSON, without unknown keys or infinite numbers."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)
