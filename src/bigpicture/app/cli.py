"""The command `bigpicture`: one function per subcommand, each in its own file.

Commands import modules that need PyTorch inside their functions, so that `--help` responds at once.
"""

import io
import os
import sys
from typing import Annotated

import typer

from bigpicture.app.analyse.commands import analyse
from bigpicture.app.console import say
from bigpicture.app.data import data
from bigpicture.app.degrade import degrade
from bigpicture.app.evaluate import evaluate
from bigpicture.app.models import models
from bigpicture.app.train import train
from bigpicture.app.upscale import upscale

app = typer.Typer(
    name="bigpicture",
    help="Enlarge pictures with neural networks that look at the whole picture.",
    epilog="To get started: bigpicture upscale cat.jpg",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> bool:
    if wanted:
        from bigpicture import __version__

        say(f"bigpicture {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _bigpicture(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


app.command()(upscale)
app.command()(degrade)
app.command()(evaluate)
app.command()(train)
app.add_typer(data, name="data")
app.add_typer(models, name="models")
app.add_typer(analyse, name="analyse")
app.add_typer(analyse, name="analyze", hidden=True)


def main() -> None:
    """Run the command line."""
    # Ask PyTorch for huge pages, where the system has them: clearing small pages takes more than
    # half of the time that a network spends on large tiles. PyTorch reads this variable once.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name that the terminal cannot show must not end a batch.
            stream.reconfigure(errors="replace")
    app()
