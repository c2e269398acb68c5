"""`bigpicture analyse kernels`: how a network's kernels differ from picture to picture."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bigpicture.app.analyse.figure import Out, drawing, read_colour
from bigpicture.app.analyse.inputs import Inputs, ModelName, load_network, pictures_in
from bigpicture.app.console import bar
from bigpicture.app.options import Device

if TYPE_CHECKING:
    from bigpicture.shapes import Tensor


def kernels(
    inputs: Inputs,
    model: ModelName = "uhdn-x2",
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Layers to show one by one, such as `*blocks.0*`. The JSON file has all.",
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(min=1, help="Maximum number of layers to show, evenly spaced.")
    ] = 3,
    out: Out = None,
    device: Device = "auto",
) -> None:
    """Show how kernels that each picture modulates (CRAC, IKM) differ between pictures.

    Draws how far the kernel's mask is from one for each layer and picture (CRAN's Fig. 8), how far
    the pictures' kernels are from each other, and where they lie along their two principal axes.

    bigpicture analyse kernels --model uhdn-x2 photographs/
    """
    file = out or Path(f"{Path(model).stem}_kernels.png")
    pictures = pictures_in(inputs)
    with drawing(file, *pictures.values(), model):
        from bigpicture.analysis.figure import save_figure
        from bigpicture.analysis.kernels import modulated_kernels, show_kernels

        network = load_network(model, device)
        where = next(network.parameters()).device

        with bar(len(pictures)) as shown:

            def opened() -> "Iterator[Tensor]":
                for done, (name, picture) in enumerate(pictures.items()):
                    shown.reach(done)
                    shown.name(name)
                    yield read_colour(picture).to(where)

            found = modulated_kernels(network, opened())
        save_figure(file, *show_kernels(found, list(pictures), layers, most))
