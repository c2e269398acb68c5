"""Files that are whole or not there: written under another name, flushed, and renamed.

    bytes ──▶ .bigpicture-TOKEN.part ──flush, rename──▶ target

Whoever dies meanwhile, even by a power cut, leaves the old file or none under the final name; what
is left of a part is told from one that is being written by its lock, which dies with its process.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from io import BufferedRandom
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed anyway
    fcntl = None

_PREFIX, _SUFFIX = ".bigpicture-", ".part"


@contextlib.contextmanager
def saving(target: Path) -> Iterator[BufferedRandom]:
    """Give a new file, open for writing and reading, that takes its name when all is written.

    Args:
        target: A file in a folder that exists; the mode of one that is there is kept.

    What is raised inside leaves everything as it was.

    Raises:
        OSError: If it cannot be written there.
    """
    _check(target)
    part, file = _open_part(target)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, part)
            if fcntl is not None:  # while it is locked, so that nobody takes it for a leftover
                part.replace(target)
        if fcntl is None:
            part.replace(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def save(target: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Write a file, or replace one, when all of it has been written.

    Args:
        target: As in `saving`.
        chunks: Its content. What they raise leaves everything as it was.

    Raises:
        OSError: If it cannot be written there.
    """
    with saving(target) as file:
        for chunk in chunks:
            file.write(chunk)


def remove_leftovers(folder: Path) -> int:
    """Remove parts in a folder whose writers were killed; return how many there were."""
    with contextlib.suppress(OSError):
        return sum(_removed(part) for part in list(folder.glob(f"{_PREFIX}*{_SUFFIX}")))
    return 0


def _removed(part: Path) -> bool:
    try:
        with part.open("rb") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while one writes
                part.unlink()
        if fcntl is None:
            part.unlink()
    except OSError:
        return False
    return True


def _check(target: Path) -> None:
    if target.exists():
        if not target.is_file():
            raise OSError("it is a folder, a device or a pipe; give the name of a file")
        if not os.access(target, os.W_OK):
            raise OSError("the file there may not be replaced; check its permissions")
    elif not target.parent.is_dir():
        raise OSError("its folder does not exist; make it first")


def _open_part(target: Path) -> tuple[Path, BufferedRandom]:
    """Return a new file beside the target, locked as long as it is open."""
    while True:
        part = target.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")
        file = part.open("x+b")
        try:
            _lock(file)
            if part.exists():
                return part, file
        except BaseException:
            file.close()
            part.unlink(missing_ok=True)
            raise
        file.close()  # taken for a leftover between its making and its lock


def _lock(file: BufferedRandom) -> None:
    if fcntl is not None:
        with contextlib.suppress(OSError):  # file systems without locks
            fcntl.flock(file, fcntl.LOCK_EX)
