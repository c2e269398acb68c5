"""The base class of everything that records contain."""

from typing import ClassVar

from pydantic import ConfigDict

__all__ = ["Recorded"]


class Recorded:
    """Base of frozen dataclasses that are read from JSON strictly: an unknown key is an error."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
