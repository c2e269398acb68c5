"""The base of everything that records are made of."""

from typing import ClassVar

from pydantic import ConfigDict

__all__ = ["Recorded"]


class Recorded:
    """A frozen dataclass that is read from JSON strictly: an unknown key is an error."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
