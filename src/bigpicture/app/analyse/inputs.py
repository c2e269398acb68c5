"""What the subcommands of `bigpicture analyse` that run networks on pictures are given."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bigpicture.app.console import refuse
from bigpicture.app.inputs import expand

if TYPE_CHECKING:
    from bigpicture.models.network import Network

Input = Annotated[
    Path, typer.Argument(metavar="INPUT", help="A picture as the network would enlarge it.")
]
Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT...",
        help="Pictures as the network would enlarge them: files, folders, patterns.",
    ),
]
ModelName = Annotated[
    str, typer.Option("--model", help="A name from `bigpicture models list`, or a weight file.")
]


def check_scale(scale: float | None) -> None:
    """Refuse an enlargement that is none."""
    if scale is not None and not 0 < scale < math.inf:
        refuse(f"--scale {scale:g}: give a number above 0, such as 2.5")


def load_network(name: str, device: str) -> "Network":
    """Return a network on a device; refuse names, files and devices that are none."""
    from bigpicture.infer.device import choose_device
    from bigpicture.weights import index

    try:
        return index.load(name).network.to(choose_device(device))
    except (ValueError, OSError) as error:
        refuse(error)


def pictures_in(inputs: Iterable[Path]) -> dict[str, Path]:
    """Return the files that inputs stand for by names that tell them apart; refuse what is none."""
    files = []
    for found in expand(inputs):
        if found.error is not None:
            refuse(f"{found.file}: {found.error}")
        files.append(found.file)
    names = [file.name for file in files]
    return {
        file.name if names.count(file.name) == 1 else str(file): file
        for file in dict.fromkeys(files)
    }
