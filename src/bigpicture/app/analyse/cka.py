"""`bigpicture analyse cka`: how similar the outputs of networks' blocks are."""

from pathlib import Path
from typing import Annotated

import typer

from bigpicture.app.analyse.figure import Out, drawing, read_colour
from bigpicture.app.analyse.inputs import Inputs, ModelName, labels, load_network, pictures_in
from bigpicture.app.console import bar
from bigpicture.app.options import COMPUTED, Device


def cka(
    inputs: Inputs,
    model: ModelName = "uhdn-x2",
    compare: Annotated[
        str | None,
        typer.Option(help="Another model to compare with (default: the model itself)."),
    ] = None,
    blocks: Annotated[
        list[str] | None,
        typer.Option(
            help="Name of a module of the backbone (of both, for two models) to compare instead of "
            "its blocks. Repeatable."
        ),
    ] = None,
    crops: Annotated[
        int, typer.Option(min=4, help="Number of random crops to compare the blocks on.")
    ] = 128,
    side: Annotated[int, typer.Option("--crop", min=1, help="Side of a crop in pixels.")] = 48,
    batch: Annotated[
        int, typer.Option(min=4, help="Crops per minibatch.", rich_help_panel=COMPUTED)
    ] = 32,
    seed: Annotated[
        int, typer.Option(help="Seed for drawing the crops.", rich_help_panel=COMPUTED)
    ] = 0,
    out: Out = None,
    device: Device = "auto",
) -> None:
    """Show how similar (CKA, RGT's Fig. 4) the outputs of a network's blocks are.

    Compares each block of the backbone with every block of the same network, or of another.

    bigpicture analyse cka photographs/ --model rgt-light-x2
    """
    file = out or Path(f"{Path(model).stem}_cka.png")
    pictures = pictures_in(inputs)
    with drawing(file, *pictures.values(), model, compare or model):
        from bigpicture.analysis.cka import cka as computed
        from bigpicture.analysis.cka import crops_of, show_cka
        from bigpicture.analysis.figure import save_figure

        names = [model] if compare is None else [model, compare]
        network = load_network(model, device)
        other = None if compare is None else load_network(compare, device)
        opened = {name: read_colour(picture) for name, picture in pictures.items()}
        drawn = crops_of(opened, crops, side, seed).to(next(network.parameters()).device)
        with bar(len(drawn)) as shown:
            found = computed(
                network, drawn, other, blocks, blocks, batch=batch, advance=shown.reach
            )
        save_figure(file, *show_cka(found, list(labels(names))))
