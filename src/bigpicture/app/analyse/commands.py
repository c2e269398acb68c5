"""`bigpicture analyse` and the commands under it."""

import typer

from bigpicture.app.analyse.attribution import attribution
from bigpicture.app.analyse.cka import cka
from bigpicture.app.analyse.context import context
from bigpicture.app.analyse.cost import cost
from bigpicture.app.analyse.gates import gates
from bigpicture.app.analyse.integration import integration
from bigpicture.app.analyse.kernels import kernels

analyse = typer.Typer(
    help="Analyse networks: what they cost, use and look at.",
    no_args_is_help=True,
)

analyse.command()(cost)
analyse.command()(attribution)
analyse.command()(kernels)
analyse.command()(cka)
analyse.command()(gates)
analyse.command()(integration)
analyse.command()(context)
