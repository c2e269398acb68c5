import subprocess
import sys

import pytest

COMMANDS = [[], ["upscale"], ["evaluate"], ["degrade"], ["train"], ["models"], ["models", "show"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_is_there(bigpicture, command):
    result = bigpicture(*command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_help_does_not_wait_for_pytorch():
    code = (
        "import sys\nfrom bigpicture.app.cli import main\ntry:\n    main()\nfinally:\n"
        "    print(sorted({'torch', 'numpy', 'pyvips'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, "upscale", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_version(bigpicture):
    assert bigpicture("--version").stdout.startswith("bigpicture 0.")


@pytest.mark.parametrize("arguments", [["upscale"], ["upscail", "a.png"], ["evaluate"]])
def test_wrong_commands_are_refused(bigpicture, arguments):
    assert bigpicture(*arguments).exit_code == 2
