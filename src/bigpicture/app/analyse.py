"""`bigpicture analyse`: what networks cost, use and look at; one file each, `analyse_*.py`."""

import typer

from bigpicture.app.analyse_attribution import attribution
from bigpicture.app.analyse_cka import cka
from bigpicture.app.analyse_context import context
from bigpicture.app.analyse_cost import cost
from bigpicture.app.analyse_gates import gates
from bigpicture.app.analyse_kernels import kernels

analyse = typer.Typer(
    help="Look into networks: what they cost, use and look at.",
    no_args_is_help=True,
)

analyse.command()(cost)
analyse.command()(attribution)
analyse.command()(kernels)
analyse.command()(cka)
analyse.command()(gates)
analyse.command()(context)
