"""Local and remote files, through `fsspec`: paths, memory://, s3://, https://, hf:// and others."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bigpicture.data.originals import Original, keyed
from bigpicture.image.read import decode
from bigpicture.image.save import remove_leftovers, save

__all__ = ["RemoteFile", "Shelf", "locate", "remote_key"]

_OF_VERSIONS = ("size", "ETag", "Last-Modified", "Content-MD5", "Digest")
"""What HTTP servers state about a file that changes with its content."""


@contextmanager
def locate(place: str | Path) -> Iterator[tuple[Any, str]]:
    """Yield the file system and the path in it that a path or URL stands for.

    Errors of the file system in the block are raised as a ValueError that names the place.

    Raises:
        ValueError: If it cannot be reached, or a package needed to reach it is missing.
    """
    try:
        from fsspec.core import url_to_fs

        yield url_to_fs(str(place))
    except FileNotFoundError as error:
        raise ValueError(f"{place} does not exist; check its spelling") from error
    except (OSError, ImportError) as error:
        raise ValueError(f"{place}: {error}") from error


def remote_key(url: str, system: Any, path: str) -> str:  # noqa: ANN401 - fsspec has no type for it
    """Return a key for a remote file that changes with its content, as far as its system tells.

    `ukey` alone is not enough: for HTTP, it is a hash of the URL.
    """
    stated = system.info(path)
    facts = [url, system.ukey(path), *(stated.get(name) for name in _OF_VERSIONS)]
    return keyed(PurePosixPath(path).stem, " ".join(map(str, facts)))


@dataclass(frozen=True)
class RemoteFile:
    """An image file at a URL."""

    url: str

    def originals(self, cache: Path) -> Iterator[Original]:
        """Yield the one picture."""
        with locate(self.url) as (system, path):
            key = remote_key(self.url, system, path)
        yield Original(self.url, key, lambda: decode(self._content(), name=self.url))

    def _content(self) -> bytes:
        with locate(self.url) as (system, path):
            return system.cat_file(path)


@dataclass(frozen=True)
class Shelf:
    """A local or remote folder, into which whole files are put.

    Attributes:
        place: Path or URL.
    """

    place: str

    def put(self, name: str, chunks: Sequence[bytes | memoryview]) -> None:
        """Write or replace a file.

        Readers never see a part of it in a local folder or an object store. Other file systems,
        such as SFTP, write in place.

        Raises:
            ValueError: If it cannot be written.
        """
        with locate(self.place) as (system, root):
            if _is_local(system):
                target = Path(root, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                save(target, chunks)
            else:
                system.pipe_file(f"{root}/{name}", b"".join(chunks))

    def tidy(self) -> None:
        """Remove what killed writers left behind."""
        with locate(self.place) as (system, root):
            if _is_local(system):
                for folder in (Path(root), *Path(root).glob("*/")):
                    remove_leftovers(folder)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, None if there is none."""
        with locate(self.place) as (system, root):
            path = f"{root}/{name}"
            return system.cat_file(path) if system.exists(path) else None

    def names(self) -> list[str]:
        """Return the sorted names of what is in it; none if there is no such folder."""
        with locate(self.place) as (system, root):
            if not system.exists(root):
                return []
            return sorted(PurePosixPath(path).name for path in system.ls(root, detail=False))


def _is_local(system: Any) -> bool:  # noqa: ANN401
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(system, LocalFileSystem)
