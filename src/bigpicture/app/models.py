"""`bigpicture models`: list shipped networks, inspect weight files, convert published ones."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from bigpicture.app.console import printable, refuse, say

models = typer.Typer(
    help="List the shipped networks, inspect a weight file, or convert a published one.",
    no_args_is_help=True,
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
        at = f"×{entry.scale}"
        scores = [f"{name} {at} {mean['psnr']:.2f} dB" for name, mean in entry.scores.items()]
        measured = f"{', '.join(scores)} ({entry.protocol})" if scores else "not measured"
        size = f"{entry.size / 2**20:.1f} MiB"
        scale = "any" if entry.any_scale else at
        rows.append((entry.name, scale, f"{entry.parameters:,}", size, measured))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@models.command()
def show(
    model: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A shipped name, or a weight file.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show the family, settings, size and origin of a network."""
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
        "any_scale": network.limits.any_scale,
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
        text = str(value) if isinstance(value, str | int) else json.dumps(value)
        say(printable(f"{key:{width}}  {text}"))  # the text may come from a stranger's file


@models.command()
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A published file: .pth, .pt, .ckpt, .safetensors.")
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The .safetensors file to write.")],
    licence: Annotated[
        str | None,
        typer.Option(
            help="Licence of the weights, as stated by their publisher, to store in OUT. By "
            "default, what IN states."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace OUT if it exists.")
    ] = False,
) -> None:
    """Convert a published weight file to safetensors that state their settings and origin."""
    from bigpicture.models.catalog import family
    from bigpicture.weights.file import load_file, save_network

    if target.suffix != ".safetensors":
        refuse(f"{target}: OUT must end in .safetensors")
    if target.exists() and not overwrite:
        refuse(f"{target} exists; replace it with --overwrite, or give another name")
    try:
        network, facts = load_file(source)
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (ValueError, OSError) as error:
        refuse(error)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    known = {"licence": "not stated", "source": {"file": source.name, "sha256": digest}, **facts}
    own = {"name": target.stem, "parameters": parameters}
    if licence is not None:
        own["licence"] = licence
    kept = {key: value for key, value in known.items() if key not in ("settings", "family")}
    try:
        save_network(network, target, kept | own)
    except OSError as error:
        refuse(f"{target} cannot be written: {error}")
    scale = "any scale" if network.limits.any_scale else f"×{network.limits.scale}"
    release = f" ({facts['release']})" if "release" in facts else ""
    about = f"{family(network.settings)} {scale}, {parameters:,} parameters{release}"
    say(printable(f"{target}: {about}"))  # the release may come from a stranger's file
