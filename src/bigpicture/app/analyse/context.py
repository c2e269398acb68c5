"""`bigpicture analyse context`: what operators that see the whole picture look at."""

from pathlib import Path
from typing import Annotated

import typer

from bigpicture.app.analyse.figure import Out, drawing, read_colour
from bigpicture.app.analyse.inputs import Input, ModelName, load_network
from bigpicture.app.options import Device, parse_pixel


def context(
    picture: Input,
    model: ModelName = "uhdn-x2",
    at: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,ROW",
            help="Pixel whose view is shown, for operators that attend from single pixels "
            "(default: the middle).",
        ),
    ] = None,
    operators: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Operators to show, such as `head.*`. The JSON file has all.",
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(min=1, help="Maximum number of operators to show, evenly spaced.")
    ] = 3,
    maps: Annotated[
        int, typer.Option(min=1, help="Maximum number of weight maps for each operator.")
    ] = 6,
    out: Out = None,
    device: Device = "auto",
) -> None:
    """Show, over a picture, what the operators that see the whole picture look at.

    These are the pixels that a graph's nodes gather from and the pixels that listen to them
    (SRGRN), the tokens (RG-SA) or places at other scales (CiaoSR) that a pixel attends to, and the
    grid that modulates kernels (IKM, CRAC).

    bigpicture analyse context cat.jpg --model srgrn-light-x2 --at 120,80
    """
    file = out or Path(f"{picture.stem}_context.png")
    asking = parse_pixel(at)
    with drawing(file, picture, model):
        from bigpicture.analysis.context import looks
        from bigpicture.analysis.figure import save_figure
        from bigpicture.analysis.overlays import show_looks

        network = load_network(model, device)
        low = read_colour(picture)
        asking = asking or (low.shape[-2] // 2, low.shape[-1] // 2)
        found = looks(network, low.to(next(network.parameters()).device), asking)
        save_figure(file, *show_looks(found, low, asking, operators, most, maps))
