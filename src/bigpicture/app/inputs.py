"""Expand a command's inputs to files.

    cat.jpg              the file itself
    holiday/             the pictures in it; with --recursive, in its subfolders too
    "scans/**/*.tif"     the pictures that match the pattern, if no shell has expanded it
    -                    the files and folders listed on standard input, one per line, or each
                         ended by NUL as by `find -print0`; names may then contain line breaks

Each file comes with the folder of its result, relative to the output folder, so that trees are
kept. Links to folders are followed, but each folder is visited only once. Folders that cannot be
visited are reported.
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
    """A file that an input stands for, or an input without files.

    Attributes:
        file: The file, or the input.
        below: Folder of its result, relative to the output folder.
        named: Whether the user named it, rather than a folder or pattern that contains it.
        error: Why there is nothing to read.
    """

    file: Path
    below: Path = Path()
    named: bool = True
    error: str | None = None


def expand(inputs: Iterable[Path], *, recursive: bool = False) -> Iterator[Found]:
    """Yield the files of each input; those of folders and patterns are sorted by name."""
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
    """Return the folder of a listed file if it is below the current folder, else no folder."""
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
        yield Found(given, error=f"cannot be found: {_reason(error)}")
    else:
        if stat.S_ISDIR(mode):
            yield from _inside(given, recursive)
        else:
            yield Found(given)


def _matching(pattern: Path, recursive: bool) -> Iterator[Found]:
    """Yield the pictures that match a pattern; the tree below its fixed part is kept."""
    magic = next(i for i, part in enumerate(pattern.parts) if glob.has_magic(part))
    root, rest = Path(*pattern.parts[:magic]), Path(*pattern.parts[magic:])
    if rest.name == "**":
        rest /= "*"  # before Python 3.13, a final "**" matches only folders
    try:
        matches = sorted(set(root.glob(os.fspath(rest))))
    except (OSError, ValueError) as error:
        yield Found(pattern, error=f"this pattern is not valid: {_reason(error)}")
        return
    any_found = False
    for match in matches:
        below = match.relative_to(root)
        if any(part.startswith(".") for part in below.parts):
            continue
        if match.is_dir():
            # "**" matches folders as well as the files in them.
            inner = () if "**" in pattern.name else _inside(match, recursive)
            found = [replace(f, below=below / f.below) for f in inner if f.error is None]
        else:
            picture = is_image_name(match.name)
            found = [Found(match, below.parent, named=False)] if picture else []
        any_found |= bool(found)
        yield from found
    if not any_found:
        yield Found(pattern, error="there is no such file, and no picture matches this pattern")


def _inside(folder: Path, recursive: bool) -> Iterator[Found]:
    found = sorted(_visit(folder, recursive), key=lambda each: each.file)
    if not found:
        error = "the folder has no image files; --recursive also searches its subfolders"
        found = [Found(folder, error=error)]
    yield from found


def _visit(top: Path, recursive: bool) -> Iterator[Found]:
    """Yield the pictures in a folder, and an error for each folder that cannot be listed."""
    waiting, seen = [top], set[tuple[int, int]]()
    links: list[Path] = []
    while waiting or links:
        # Links come last: their targets are often in the tree too, and then keep their own names.
        folder = waiting.pop() if waiting else links.pop(0)
        try:
            known = folder.stat()
            if (known.st_dev, known.st_ino) in seen:
                continue
            seen.add((known.st_dev, known.st_ino))
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield Found(folder, named=False, error=f"cannot be listed: {_reason(error)}")
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
    except OSError:  # a link to itself
        return False


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
