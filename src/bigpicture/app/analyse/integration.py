"""`bigpicture analyse integration`: how HAI combines the inputs and outputs of blocks."""

from pathlib import Path
from typing import Annotated

import typer

from bigpicture.app.analyse.figure import Out, drawing, read_colour
from bigpicture.app.analyse.inputs import Input, ModelName, load_network
from bigpicture.app.options import Device


def integration(
    picture: Input,
    model: ModelName,
    blocks: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Blocks to show, such as `backbone.groups.0.*`. The JSON file has all.",
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(min=1, help="Maximum number of blocks to show, evenly spaced.")
    ] = 3,
    out: Out = None,
    device: Device = "auto",
) -> None:
    """Show features before and after RGT's HAI, beside a plain skip connection (its Fig. 3).

    bigpicture analyse integration cat.jpg --model rgt-light-x2
    """
    file = out or Path(f"{picture.stem}_integration.png")
    with drawing(file, picture, model):
        from bigpicture.analysis.figure import save_figure
        from bigpicture.analysis.integration import integrations, show_integrations

        network = load_network(model, device)
        low = read_colour(picture).to(next(network.parameters()).device)
        save_figure(file, *show_integrations(integrations(network, low), blocks, most))
