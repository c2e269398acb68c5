"""`bigpicture train`: train a network by a recipe."""

from pathlib import Path
from typing import Annotated

import typer

from bigpicture.app.console import FAILED, complain, console, refuse
from bigpicture.app.options import Device


def _show_schema(wanted: bool) -> bool:
    if wanted:
        from bigpicture.train.schema import recipe_schema

        typer.echo(recipe_schema(), nl=False)
        raise typer.Exit
    return wanted


def train(
    recipe: Annotated[
        Path, typer.Argument(help="A TOML file, such as recipes/uhdn-x2-plain.toml.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Replace a value of the recipe, such as optimiser.rate=1e-4. Repeatable. KEY= "
            "removes the key, so that its default applies: watch.benchmark= turns scoring off.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for checkpoints, logs and weights (default: runs/NAME)."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue from the last checkpoint in the folder, or begin if there is none.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check recipe and data, try two steps, estimate time and memory, and write no "
            "results.",
        ),
    ] = False,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema",
            callback=_show_schema,
            is_eager=True,
            help="Print the JSON schema of recipes, for editors.",
        ),
    ] = False,
    device: Device = "auto",
) -> None:
    """Train a network by a recipe.

    Ctrl-C ends a run after the current step, with a checkpoint; a second Ctrl-C ends it at once.
    --resume, with the same --set, continues a stopped run exactly where it was. On several GPUs:
    accelerate launch -m bigpicture train RECIPE.
    """
    from bigpicture.app.stopping import Stopped, stoppable
    from bigpicture.train.read import read_recipe
    from bigpicture.train.run import run_recipe

    try:
        settings = read_recipe(recipe, overrides or ())
        with stoppable() as stop:
            file = run_recipe(
                settings,
                out or Path("runs") / settings.name,
                resume=resume,
                dry_run=dry_run,
                device=device,
                console=console,
                stopping=stop.put_off(),
            )
            if file is None:
                stop.check()
    except Stopped as stopped:
        raise typer.Exit(stopped.status) from None
    except (ValueError, OSError, ImportError) as error:
        refuse(error)
    except FloatingPointError as error:
        complain(f"error: {error}")
        raise typer.Exit(FAILED) from None
