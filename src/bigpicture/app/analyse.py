"""`bigpicture analyse`: what networks cost, use and look at; one file each, `analyse_*.py`."""

import typer

from bigpicture.app.analyse_attribution import attribution

analyse = typer.Typer(
    help="Look into networks: what they cost, use and look at.",
    no_args_is_help=True,
)

analyse.command()(attribution)
