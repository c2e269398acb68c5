"""Shared by the subcommands of `bigpicture analyse` that draw figures: options, checks, errors."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bigpicture.app.analyse.refusing import refusing
from bigpicture.app.console import refuse, say

if TYPE_CHECKING:
    from bigpicture.shapes import Tensor

Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE.png",
        help="The figure; its numbers go into FILE.json beside it. By default, it is named after "
        "the input or the model.",
    ),
]


@contextmanager
def drawing(file: Path, *sources: str | Path) -> Iterator[None]:
    """Refuse a figure that cannot be written before the work begins, and print its name afterwards.

    Errors raised inside are refused as by `refusing`.

    Args:
        file: The figure.
        sources: The pictures and models that it is made from, which it must not replace.
    """
    from bigpicture.analysis.figure import check_figure

    with refusing("give a smaller picture or crop"):
        check_figure(file)
        _check_apart(file, sources)
        yield
    say(f"{file} and {file.with_suffix('.json').name}")


def _check_apart(file: Path, sources: Iterable[str | Path]) -> None:
    """Refuse a figure that would replace one of its sources."""
    for written in (file, file.with_suffix(".json")):
        for source in map(Path, sources):
            if written.exists() and source.exists() and written.samefile(source):
                raise ValueError(f"figure {file}: {written} is an input; give another name with -o")


def read_colour(file: Path) -> "Tensor":
    """Return a picture's colours (1, c, h, w) in [0, 1]; refuse a file that cannot be read."""
    from bigpicture.image import read

    try:
        return read(file).colour_tensor()[None]
    except (ValueError, OSError) as error:
        refuse(error)
