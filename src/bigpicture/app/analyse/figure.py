"""What the subcommands of `bigpicture analyse` that draw figures have in common."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bigpicture.app.console import refuse, say

if TYPE_CHECKING:
    from bigpicture.shapes import Tensor

Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE.png",
        help="The figure; its numbers go beside it, into FILE.json. Else it is named after the "
        "input or the model.",
    ),
]


@contextmanager
def drawing(file: Path, *sources: str | Path) -> Iterator[None]:
    """Refuse a figure that could not be written before the work begins, and name it afterwards.

    What is refused inside (a `ValueError`, an `OSError`) ends the command as well.

    Args:
        file: The figure.
        sources: What it is made from, pictures and models, which it must not replace.
    """
    from bigpicture.analysis.figure import check_figure
    from bigpicture.infer.memory import is_out_of_memory

    try:
        check_figure(file)
        _check_apart(file, sources)
        yield
    except (ValueError, OSError, ImportError) as error:
        refuse(error)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        refuse(f"memory ran out ({str(error).splitlines()[0]}); give a smaller picture or crop")
    say(f"{file} and {file.with_suffix('.json').name}")


def _check_apart(file: Path, sources: Iterable[str | Path]) -> None:
    """Refuse a figure that would take the place of what it is made from."""
    for written in (file, file.with_suffix(".json")):
        for source in map(Path, sources):
            if written.exists() and source.exists() and written.samefile(source):
                raise ValueError(f"figure {file}: {written} is an input; give another name with -o")


def read_colour(file: Path) -> "Tensor":
    """Return a picture's colours (1, c, h, w) in [0, 1]; refuse what is none."""
    from bigpicture.image import read

    try:
        return read(file).colour_tensor()[None]
    except (ValueError, OSError) as error:
        refuse(error)
