import pytest

COMMANDS = [[], ["upscale"], ["evaluate"], ["degrade"], ["train"], ["models"], ["models", "show"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_is_there(bigpicture, command):
    result = bigpicture(*command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout


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
