"""Inputs of the subcommands of `bigpicture analyse` that run networks on pictures."""

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
    Path, typer.Argument(metavar="INPUT", help="A low-resolution picture, as for `upscale`.")
]
Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT...",
        help="Low-resolution pictures, as for `upscale`: files, folders or patterns.",
    ),
]
ModelName = Annotated[
    str, typer.Option("--model", help="A name from `bigpicture models list`, or a weight file.")
]


def check_scale(scale: float | None) -> None:
    """Refuse a scale that is not a finite number above 0."""
    if scale is not None and not 0 < scale < math.inf:
        refuse(f"--scale {scale:g}: give a number above 0, such as 2.5")


def labels(names: Iterable[str]) -> dict[str, str]:
    """Return networks by label: the stems of their names, or all of the names if stems are alike.

    >>> labels(["a/net.safetensors", "uhdn-x2", "uhdn-x2"])
    {'net': 'a/net.safetensors', 'uhdn-x2': 'uhdn-x2'}
    """
    distinct = list(dict.fromkeys(names))
    stems = [Path(name).stem for name in distinct]
    return dict(zip(stems if len(set(stems)) == len(stems) else distinct, distinct, strict=True))


def load_network(name: str, device: str) -> "Network":
    """Load a network onto a device; refuse unknown names, unusable files and missing devices."""
    from bigpicture.infer.device import choose_device
    from bigpicture.weights import index

    try:
        return index.load(name).network.to(choose_device(device))
    except (ValueError, OSError) as error:
        refuse(error)


def pictures_in(inputs: Iterable[Path]) -> dict[str, Path]:
    """Return the files of the inputs by distinct names; refuse inputs without pictures."""
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
