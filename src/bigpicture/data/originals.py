"""A training picture before it is decoded, and where it is decoded from.

source: a file, a pair of files, a shard ──▶ originals, which have a name and a key, decoded or not

A key names a picture's arrays in the cache. It holds a sum over the facts of its file, so it is
another one when the file has changed.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from bigpicture.image.picture import Picture
from bigpicture.image.read import read

__all__ = ["Original", "PairOfFiles", "PictureFile", "Source", "file_key", "keyed"]


_RECOGNISED = 40  # characters of a name, which together may have no more than 255 bytes


class Original(NamedTuple):
    """A picture that has not been decoded yet.

    Attributes:
        name: What errors call it.
        key: What its arrays are called.
        decode: Returns the picture, or raises a ValueError that names it.
        low: Its low-resolution version, if that is given and not made.
    """

    name: str
    key: str
    decode: Callable[[], Picture]
    low: "Original | None" = None


@runtime_checkable
class Source(Protocol):
    """What is opened at once."""

    def originals(self, cache: Path) -> Iterator[Original]:
        """Yield the pictures in it; those that are in the `cache` need not be decodable again.

        Raises:
            ValueError: If it cannot be read; it is named.
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
    """An image file and that of its low-resolution version."""

    high: Path
    low: Path

    def originals(self, cache: Path) -> Iterator[Original]:
        """Yield the one pair."""
        yield _original(self.high)._replace(low=_original(self.low))


def file_key(path: Path) -> str:
    """Return a key for a file, by its path, size and time.

    Raises:
        ValueError: If there is no such file.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    return keyed(path.stem, f"{path.resolve()} {status.st_size} {status.st_mtime_ns}")


def keyed(stem: str, facts: str) -> str:
    """Return a key: the beginning of a name for people to recognise, and a sum over facts."""
    found = hashlib.sha256(facts.encode("utf-8", "surrogateescape"))  # names need not be UTF-8
    return f"{stem[:_RECOGNISED]}-{found.hexdigest()[:12]}"


def _original(path: Path) -> Original:
    return Original(str(path), file_key(path), lambda: read(path))
