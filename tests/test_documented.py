"""Commands, options and choices that the documentation names are those that there are."""

import inspect
import re
import shlex
import shutil
from itertools import product
from pathlib import Path
from typing import Literal, get_args, get_origin

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from bigpicture.app.cli import app
from bigpicture.image import Picture, write

ROOT = Path(__file__).parents[1]
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

PLACEHOLDER = re.compile(r"[A-Z]{2,}|\.\.\.|…|\[")
"""What a line has that only tells how a command is used."""


def sections(text: str) -> list[str]:
    return re.split(r"^#+ .*$", text, flags=re.MULTILINE)


def lines(text: str) -> list[str]:
    """Return the commands that stand in blocks and in sentences, comments included."""
    return typed(text) + re.findall(r"`(bigpicture [^`]*)`", text)


def typed(text: str) -> list[str]:
    return re.findall(r"^ *(bigpicture .*)$", text, re.MULTILINE)


def command_of(line: str):
    """Return the command that a line is of, found word by word."""
    command = get_command(app)
    for word in re.findall(r"\S+", line)[1:]:
        below = getattr(command, "commands", {})
        if not below or PLACEHOLDER.match(word) or word.startswith("-"):
            break
        assert word in below, f"no command {word!r} in {line!r}; there are {', '.join(below)}"
        command = below[word]
    return command


def options_of(command) -> dict[str, set[str]]:
    """Return the names of a command's options, and the choices each has; a group's are all."""
    below = getattr(command, "commands", {})
    found = {name: known for own in below.values() for name, known in options_of(own).items()}
    asked = inspect.signature(command.callback).parameters if command.callback else {}
    for parameter in command.params:
        known = literals(asked[parameter.name].annotation) if parameter.name in asked else set()
        found |= dict.fromkeys([*parameter.opts, *parameter.secondary_opts], known)
    return found | {"--help": set(), "-h": set()}


def literals(annotation) -> set[str]:
    """Return the words that an annotation allows, if it is one of some."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return {word for part in get_args(annotation) for word in literals(part)}


def named(text: str) -> list[str]:
    return re.findall(r"(?<![\w-])(?:--[a-z][\w-]+|-[a-z](?![\w-]))", text)


def choices_in(text: str, there: dict[str, set[str]]) -> dict[str, tuple[set, set]]:
    """Return the choices that are listed, and those that there are, by option."""
    listed = re.findall(r"(--[\w-]+) ([\w|]+\|[\w|]+)", text.replace("\\|", "|"))
    return {option: (set(words.split("|")), there[option]) for option, words in listed}


LINES = [
    pytest.param(line, id=f"{path.name}: {line}")
    for path in TEXTS
    for line in dict.fromkeys(lines(path.read_text("utf-8")))
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_s_options_are_its_command_s(line):
    there = options_of(command_of(line))
    # what follows is another command
    for option in named(line.partition(" pip ")[0]):
        assert option in there, f"{option} of {line!r}; there are {', '.join(there)}"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_options_and_choices_are_those_of_a_command_that_the_section_is_about(path):
    for section in sections(path.read_text("utf-8")):
        commands = [command_of(line) for line in lines(section)] or [get_command(app)]
        there = {name: p for own in commands for name, p in options_of(own).items()}
        for code in re.findall(r"`(--?[a-z][^`]*)`", section):
            assert set(named(code)) <= set(there), f"{code!r} in a section of {path.name}"
        for option, (listed, known) in choices_in(section, there).items():
            assert not known or listed == known, f"{option} in a section of {path.name}"


def test_choices_are_found():
    guide = (ROOT / "docs" / "guide.md").read_text("utf-8")
    (line,) = (line for line in typed(guide) if "--kind" in line)
    listed, known = choices_in(line, options_of(command_of(line)))["--kind"]
    assert listed == known == {"bi", "bd", "dn", "bsrgan", "realesrgan"}


def test_commands_are_found():
    commands = {command_of(param.values[0]).name for param in LINES}
    assert {"upscale", "degrade", "evaluate", "train", "prepare", "convert"} <= commands


COMPLETE = [
    line
    for path in (ROOT / "docs").glob("*.md")
    for line in dict.fromkeys(typed(path.read_text("utf-8")))
    if not PLACEHOLDER.search(line)
]


@pytest.mark.parametrize("line", COMPLETE)
def test_lines_of_the_guide_without_placeholders_work(line, tmp_path, monkeypatch):
    for name, number in product(("Set5", "Set14"), range(2)):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 28, 3), np.uint8)
        (tmp_path / name).mkdir(exist_ok=True)
        write(Picture(pixels), tmp_path / name / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output


def test_python_of_the_guide_works(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    guide = (ROOT / "docs" / "guide.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)
    known: dict[str, object] = {}
    exec("\n".join(blocks), known)
    answer = known["answer"]
    assert isinstance(answer, bytes)
    assert answer.startswith(b"\x89PNG")
    assert (tmp_path / "rocket_600.webp").exists()


def test_benchmarks_that_are_named_are_there():
    for path in TEXTS:
        for script in re.findall(r"python (benchmarks/\w+\.py)", path.read_text("utf-8")):
            assert (ROOT / script).exists(), f"{script} of {path.name}"
