"""What the README tells people to type must work."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bigpicture.app.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE))


COMMANDS = re.findall(r"^bigpicture .*$", blocks("sh"), re.MULTILINE)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """What commands find in the folder that a stranger has cloned."""
    for folder in ("samples", "recipes"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copytree(ROOT / "samples", tmp_path / "photographs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_work(clone, command):
    arguments = shlex.split(command, comments=True)[1:]
    if arguments[0] == "train":
        arguments += ["--device", "cpu"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output


def test_python_works(clone):
    exec(compile(blocks("python"), "README.md", "exec"), {})
    assert (clone / "rocket_x2.png").exists()


def test_commands_are_found():
    assert {shlex.split(command)[1] for command in COMMANDS} == {
        "upscale",
        "models",
        "evaluate",
        "degrade",
        "train",
    }


def test_make_has_the_targets():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"\bmake (\w+)", blocks("sh")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_it_is_short_and_its_links_lead_somewhere():
    assert len(README.splitlines()) <= 120
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_picture_is_small():
    assert (ROOT / "docs" / "comparison.jpg").stat().st_size <= 300_000
