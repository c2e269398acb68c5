"""Which files the command's inputs stand for.

    cat.jpg              itself
    holiday/             the pictures in it; with --recursive, in its folders too
    "scans/**/*.tif"     what fits the pattern, where no shell has replaced it
    -                    the files and folders that standard input lists, one a line, or ended by
                         NUL as by `find -print0`: then their names may have line breaks

Each comes with the folder, relative to the output's, that its result goes to: so trees are kept.
Links to folders are followed, each folder is visited once. What cannot be visited is named.
"""

import glob
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bigpicture.data.folders import is_image_name

LIST = Path("-")


@dataclass(frozen=True)
class Found:
    """A file that is to be enlarged, or an input that stands for none.

    Attributes:
        file: The file, or the input.
        below: Folder, relative to that of the results, for its result.
        named: Whether it was given by its name, and not by a folder or a pattern.
        error: Why there is nothing to be read.
    """

    file: Path
    below: Path = Path()
    named: bool = True
    error: str | None = None


def expand(inputs: Iterable[Path], *, recursive: bool = False) -> Iterator[Found]:
    """Yield what each input stands for, folders and patterns sorted by name."""
    for given in inputs:
        if given == LIST:
            for listed in _listed():
                for found in _expand_one(listed, recursive):
                    yield replace(found, below=_kept(listed) / found.below)
        else:
            yield from _expand_one(given, recursive)


def _listed() -> Iterator[Path]:
    text = sys.stdin.buffer.read()
    for line in text.split(b"\0") if b"\0" in text else text.splitlines():
        if line:
            yield Path(os.fsdecode(line))


def _kept(listed: Path) -> Path:
    """Return the folder in which a listed file lies, if that leads downwards from here."""
    upwards = listed.is_absolute() or ".." in listed.parts
    return Path() if upwards else listed.parent


def _expand_one(given: Path, recursive: bool) -> Iterator[Found]:
    try:
        mode = given.stat().st_mode
    except FileNotFoundError:
        if glob.has_magic(os.fspath(given)):
            yield from _matching(given, recursive)
        else:
            yield Found(given, error="there is no such file or folder")
    except (OSError, ValueError) as error:
        yield Found(given, error=f"it cannot be found: {_reason(error)}")
    else:
        if stat.S_ISDIR(mode):
            yield from _inside(given, recursive)
        else:
            yield Found(given)


def _matching(pattern: Path, recursive: bool) -> Iterator[Found]:
    """Yield pictures that fit a pattern; the tree below its fixed part is kept."""
    magic = next(i for i, part in enumerate(pattern.parts) if glob.has_magic(part))
    root = Path(*pattern.parts[:magic])
    try:
        matches = sorted(set(root.glob(os.fspath(Path(*pattern.parts[magic:])))))
    except (OSError, ValueError) as error:
        yield Found(pattern, error=f"as a pattern it makes no sense: {_reason(error)}")
        return
    any_found = False
    for match in matches:
        below = match.relative_to(root)
        if any(part.startswith(".") for part in below.parts):
            continue
        if match.is_dir():
            # "**" fits folders as well as the files in them.
            inner = () if "**" in pattern.name else _inside(match, recursive)
            found = [replace(f, below=below / f.below) for f in inner if f.error is None]
        else:
            picture = is_image_name(match.name)
            found = [Found(match, below.parent, named=False)] if picture else []
        any_found |= bool(found)
        yield from found
    if not any_found:
        yield Found(pattern, error="there is no such file, and no picture fits it as a pattern")


def _inside(folder: Path, recursive: bool) -> Iterator[Found]:
    found = sorted(_visit(folder, recursive), key=lambda each: each.file)
    if not found:
        error = "the folder has no image files; --recursive looks in folders in it"
        found = [Found(folder, error=error)]
    yield from found


def _visit(top: Path, recursive: bool) -> Iterator[Found]:
    """Yield the pictures in a folder, and the folders in it that cannot be listed."""
    waiting, seen = [top], set[tuple[int, int]]()
    links: list[Path] = []
    while waiting or links:
        # What links lead to is likely to be there under its own name as well, which comes first.
        folder = waiting.pop() if waiting else links.pop(0)
        try:
            known = folder.stat()
            if (known.st_dev, known.st_ino) in seen:
                continue
            seen.add((known.st_dev, known.st_ino))
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield Found(folder, named=False, error=f"it cannot be listed: {_reason(error)}")
            continue
        for entry in entries:
            path = folder / entry.name
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                if recursive:
                    (links if entry.is_symlink() else waiting).append(path)
            elif is_image_name(entry.name):
                yield Found(path, folder.relative_to(top), named=False)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads back to itself
        return False


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
