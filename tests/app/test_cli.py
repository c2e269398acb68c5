from collections.abc import Iterator

import pytest
import typer

from bigpicture.app.cli import app


def commands(within, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of a command, and of all those under it."""
    yield path
    for name, command in getattr(within, "commands", {}).items():
        yield from commands(command, *path, name)


COMMANDS = list(commands(typer.main.get_command(app)))


def test_all_commands_are_found():
    some = {("upscale",), ("data", "prepare"), ("models", "convert"), ("analyse", "cost")}
    assert some <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_is_there(bigpicture, command):
    result = bigpicture(*command, "--help")
    assert result.exit_code == 0
    words = " ".join(["bigpicture", *command])
    assert f"Usage: {words} [OPTIONS]" in " ".join(result.stdout.split())


HEAVY = """
import sys
from bigpicture.app.cli import main
try:
    main()
finally:
    print(sorted({"torch", "numpy", "pyvips"} & set(sys.modules)))
"""


@pytest.mark.parametrize(("command", "option"), [("upscale", "--tile"), ("degrade", "--records")])
def test_help_does_not_wait_for_pytorch(alone, command, option):
    printed = alone("-c", HEAVY, command, "--help")
    assert option in printed
    assert printed.splitlines()[-1] == "[]"


def test_version(bigpicture):
    assert bigpicture("--version").stdout.startswith("bigpicture 0.")


@pytest.mark.parametrize("arguments", [["upscale"], ["upscail", "a.png"], ["evaluate"]])
def test_wrong_commands_are_refused(bigpicture, arguments):
    assert bigpicture(*arguments).exit_code == 2
