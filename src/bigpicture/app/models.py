"""`bigpicture models`: what is shipped, and what a weight file holds."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from bigpicture.app.console import refuse, say

models = typer.Typer(
    help="List the shipped networks, or look into a weight file.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@models.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the shipped networks with their scores."""
    from bigpicture import list_models

    entries = list_models()
    if as_json:
        say(json.dumps({"models": [asdict(entry) for entry in entries]}, indent=2))
        return
    rows = [("name", "scale", "parameters", "file", "scores")]
    for entry in entries:
        scores = [f"{name} {mean['psnr']:.2f} dB" for name, mean in entry.scores.items()]
        measured = f"{', '.join(scores)} ({entry.protocol})" if scores else "not measured"
        size = f"{entry.size / 2**20:.1f} MB"
        rows.append((entry.name, f"×{entry.scale}", f"{entry.parameters:,}", size, measured))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@models.command()
def show(
    model: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A name, or a weight file.")],
    as_json: AsJson = False,
) -> None:
    """Show family, settings, size and origin of a network."""
    from bigpicture.models.catalog import family
    from bigpicture.weights import index

    try:
        network, facts = index.load(model)
    except (ValueError, OSError) as error:
        refuse(error)
    shown: dict[str, Any] = {
        "name": model,
        "family": family(network.settings),
        "scale": network.limits.scale,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "settings": asdict(network.settings),
        "limits": asdict(network.limits),
    }
    shown |= {key: value for key, value in facts.items() if key not in shown}
    if as_json:
        say(json.dumps(shown, indent=2))
        return
    width = max(map(len, shown))
    for key, value in shown.items():
        say(f"{key:{width}}  {value if isinstance(value, str | int) else json.dumps(value)}")
