"""Console output: results to stdout, complaints to stderr, progress bars on terminals."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

FAILED = 1
REFUSED = 2

# rich must not decorate file names: it would take ":100:" in one for an emoji
console = Console(highlight=False, emoji=False)
_errors = Console(stderr=True, highlight=False, emoji=False)


def printable(text: str) -> str:
    r"""Escape whatever in a text, such as a file name, would break the line or move the cursor.

    >>> printable("new\nline \x1b[31mred \udcff grün")
    'new\\nline \\x1b[31mred \\xff grün'
    """
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    byte = ord(character) - 0xDC00  # how Python represents a byte of a name that is not UTF-8
    if 0x80 <= byte <= 0xFF:
        return f"\\x{byte:02x}"
    return character.encode("unicode_escape").decode()


def say(text: str) -> None:
    """Print lines of results to stdout."""
    # A line on the terminal of a bar has to be printed by the console that draws the bar: any
    # other would write it at the bar's end.
    _print(text, _errors if _share_a_terminal() else console)


def complain(text: str) -> None:
    """Print lines about a problem to stderr."""
    _print(text, _errors)


def warn(text: str) -> None:
    """Print a warning that is not about a single result to stderr."""
    complain(f"warning  {printable(text)}")


def _print(text: str, where: Console) -> None:
    lines = map(printable, text.split("\n"))
    where.print("\n".join(lines), markup=False, soft_wrap=True)


def _share_a_terminal() -> bool:
    """Return whether stdout and stderr are the same terminal."""
    out, err = console.file, _errors.file
    return out.isatty() and err.isatty() and os.path.sameopenfile(out.fileno(), err.fileno())


def refuse(reason: object) -> NoReturn:
    """End the command because the request itself is wrong, whatever the files contain."""
    complain(f"error: {reason}")
    raise typer.Exit(REFUSED)


class Bar:
    """A progress bar that counts pieces of work, including fractions of one."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total)

    def name(self, text: str) -> None:
        """Show what is being worked on."""
        self._progress.update(self._task, description=printable(text))

    def reach(self, pieces: int | float) -> None:
        """Move to `pieces` of the total."""
        self._progress.update(self._task, completed=pieces)


@contextmanager
def bar(total: int) -> Iterator[Bar]:
    """Show a progress bar with the time left, on stderr, if that is a terminal."""
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn() if total > 1 else TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=_errors,
        transient=True,
        disable=not _errors.is_terminal,
        # Large pictures rarely move the bar, so estimate the speed over the last ten minutes.
        speed_estimate_period=600,
    )
    with progress:
        yield Bar(progress, total)


def check_report(file: Path | None, option: str = "--json") -> None:
    """Refuse, before hours of work, a report that cannot be written or is named like a picture.

    Writing it might destroy a picture of that name; at best the name is a typing error.
    """
    from bigpicture.data.folders import is_image_name

    if file is None:
        return
    if is_image_name(file.name):
        suggested = file.with_suffix(f".{option.removeprefix('--')}").name
        refuse(
            f"{option} {file} is a picture's file name; give a name for the report, such as "
            f"{suggested}"
        )
    if (found := obstacle(file)) is not None:
        refuse(
            f"{option} {file} cannot be written: {found} is in the way or write-protected; give "
            "another file name, in a folder that you can write to"
        )


def obstacle(file: Path) -> Path | None:
    """Return the path that keeps a file, or its missing folders, from being written; else None."""
    real = Path(os.path.realpath(file))
    # not Path.exists, which raises for folders without search permission
    there = next(path for path in (real, *real.parents) if os.path.lexists(path))
    if there != real:
        return None if there.is_dir() and os.access(there, os.W_OK | os.X_OK) else there
    if real.is_dir() or not os.access(real, os.W_OK):
        return real
    # an existing file is not written to but replaced, which needs permission for its folder
    return real.parent if real.is_file() and not os.access(real.parent, os.W_OK) else None


def write_report(file: Path | None, content: object) -> None:
    """Write a report as JSON if a file is given; end the command if that fails."""
    if file is not None:
        write_text(file, json.dumps(content, indent=2) + "\n")


def write_text(file: Path, text: str) -> None:
    """Write a report as a whole, in UTF-8; end the command if that fails."""
    from bigpicture.image.save import save

    content = text.encode("utf-8", "backslashreplace")  # file names need not be UTF-8
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and not file.is_file():  # such as /dev/stdout
            file.write_bytes(content)
        else:
            save(file.resolve(), [content])
    except OSError as error:
        complain(f"error: the report {printable(str(file))} cannot be written: {error}")
        raise typer.Exit(FAILED) from None
