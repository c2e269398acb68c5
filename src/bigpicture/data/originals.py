"""A training picture before it is decoded, and where it is decoded from.

source: a file, a pair of files, a shard ──▶ originals, which have a name and a key, decoded or not

A key names a picture's arrays in the cache. It contains a hash of facts about the file, so it
changes when the file does.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from bigpicture.image.picture import Picture
from bigpicture.image.read import read

__all__ = ["Original", "PairOfFiles", "PictureFile", "Source", "file_key", "keyed"]


_RECOGNISED = 40  # characters kept of a name, which may have 255 bytes in all


class Original(NamedTuple):
    """A picture that has not been decoded yet.

    Attributes:
        name: Its name in error messages.
        key: The name of its arrays in the cache.
        decode: Returns the picture, or raises a ValueError that names it.
        low: Its low-resolution version, if one is given.
    """

    name: str
    key: str
    decode: Callable[[], Picture]
    low: "Original | None" = None


@runtime_checkable
class Source(Protocol):
    """Pictures that are opened together, such as those of a file or a shard."""

    def originals(self, cache: Path) -> Iterator[Original]:
        """Yield the pictures; those in the `cache` may no longer be decodable.

        Raises:
            ValueError: If it cannot be read; the message names it.
        """
        ...


@dataclass(frozen=True)
class PictureFile:
    """An image file."""

    path: Path

    def originals(self, cache: Path) -> Iterator[Original]:
        """Yield the one picture."""
        yield _original(self.path)


@dataclass(frozen=True)
class PairOfFiles:
    """An image file and the file of its low-resolution version."""

    high: Path
    low: Path

    def originals(self, cache: Path) -> Iterator[Original]:
        """Yield the one pair."""
        yield _original(self.high)._replace(low=_original(self.low))


def file_key(path: Path) -> str:
    """Return a key for a file, made from its path, size and modification time.

    Raises:
        ValueError: If there is no such file.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    return keyed(path.stem, f"{path.resolve()} {status.st_size} {status.st_mtime_ns}")


def keyed(stem: str, facts: str) -> str:
    """Return a key: the beginning of a name, for people to recognise, and a hash of facts."""
    found = hashlib.sha256(facts.encode("utf-8", "surrogateescape"))  # names need not be UTF-8
    return f"{stem[:_RECOGNISED]}-{found.hexdigest()[:12]}"


def _original(path: Path) -> Original:
    return Original(str(path), file_key(path), lambda: read(path))
