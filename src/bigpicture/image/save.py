"""Atomic file writing: write under another name, flush, and rename.

    bytes ──▶ .bigpicture-TOKEN.part ──flush, rename──▶ target

A process that dies meanwhile, even by a power cut, leaves the old file or none under the final
name. A part that is being written is locked until its process ends; a leftover one is not.
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
    """Open a new file for writing and reading that replaces `target` on leaving the context.

    Args:
        target: A file in an existing folder; if it exists, its mode is kept.

    An exception inside the context leaves the target unchanged.

    Raises:
        OSError: If the file cannot be written there.
    """
    _check(target)
    part, file = _open_part(target)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(OSError):  # no such file, or a file system without modes
                shutil.copymode(target, part)
            if fcntl is not None:  # still locked, so that no process takes it for a leftover
                part.replace(target)
        if fcntl is None:
            part.replace(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def save(target: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Write a file, or replace one, as a whole.

    Args:
        target: As in `saving`.
        chunks: Its content. An exception while iterating leaves the target unchanged.

    Raises:
        OSError: If the file cannot be written there.
    """
    with saving(target) as file:
        for chunk in chunks:
            file.write(chunk)


def remove_leftovers(folder: Path) -> int:
    """Remove the parts in a folder whose writers were killed; return their number."""
    with contextlib.suppress(OSError):
        return sum(_removed(part) for part in list(folder.glob(f"{_PREFIX}*{_SUFFIX}")))
    return 0


def _removed(part: Path) -> bool:
    try:
        with part.open("rb") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while a process writes it
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
        file.close()  # removed as a leftover before it was locked


def _lock(file: BufferedRandom) -> None:
    if fcntl is not None:
        with contextlib.suppress(OSError):  # file systems without locks
            fcntl.flock(file, fcntl.LOCK_EX)
