import contextlib
import io
import json
import os
import re
import subprocess
import sys

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bigpicture.app import console


@given(st.text())
def test_no_name_moves_the_cursor_or_breaks_a_line(name):
    shown = console.printable(name)
    assert shown.isprintable()
    shown.encode()
    if name.isprintable():
        assert shown == name


NAME = "scan:100:b [bold] :smile: http://a.b 12.png"


def test_what_is_said_is_what_is_printed(capsys):
    console.say(NAME)
    console.complain(NAME)
    assert capsys.readouterr() == (f"{NAME}\n", f"{NAME}\n")


def test_a_terminal_shows_what_is_done_and_the_time_left(monkeypatch):
    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(console, "_errors", screen)
    with console.bar(8) as bar:
        bar.name("cat.jpg")
        bar.reach(2.5)
    text = screen.file.getvalue()
    assert "cat.jpg" in text and "2/8" in text and "left" in text


def test_a_report_is_whole_or_not_there(tmp_path, monkeypatch, capsys):
    file = tmp_path / "folder" / "r.json"
    console.write_report(file, {"a": "\udcff"})
    assert json.loads(file.read_text()) == {"a": "\udcff"}
    before = file.read_text()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(typer.Exit) as end:
        console.write_report(file, {"b": 1})
    assert end.value.exit_code == console.FAILED
    assert "No space left" in capsys.readouterr().err
    assert file.read_text() == before
    assert len(list(file.parent.iterdir())) == 1


def test_what_keeps_a_file_from_being_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    (tmp_path / "link").symlink_to(tmp_path / "to" / "come")
    found = {
        "new": None,
        "a/new/one": None,
        "file": None,
        "link": None,
        "n" * 300: None,  # that is told when it is written
        ".": tmp_path,
        "file/in/it": tmp_path / "file",
        "itself": tmp_path / "itself",
    }
    assert {name: console.obstacle(tmp_path / name) for name in found} == found
    real = os.access  # which lets root do everything
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path and real(path, mode))
    for name in ("new", "a/new/one", "file"):
        assert console.obstacle(tmp_path / name) == tmp_path


def test_lines_stay_lines_and_nothing_in_them_moves_the_cursor(capsys):
    console.say("a  1\x1b[2K\nb  2\r")
    console.complain("\x1b[31mred\x07")
    with pytest.raises(typer.Exit):
        console.refuse("--json \x1b]0;title\x07 is a folder")
    out, err = capsys.readouterr()
    assert out == "a  1\\x1b[2K\nb  2\\r\n"
    assert err == "\\x1b[31mred\\x07\nerror: --json \\x1b]0;title\\x07 is a folder\n"


def test_the_name_at_a_bar_moves_no_cursor(monkeypatch):
    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(console, "_errors", screen)
    with console.bar(8) as bar:
        bar.name("cat\x1b[2J.jpg")
    assert "cat\\x1b[2J.jpg" in screen.file.getvalue()


RUN = """
from bigpicture.app import console

with console.bar(3) as bar:
    bar.name("cat.png")
    for number in range(2):
        bar.reach(number)
        console.say(f"done {number}")
        console.complain(f"failed {number}")
"""


def run_with_a_bar(stdout, stderr, **environment) -> subprocess.Popen[bytes]:
    known = os.environ | {"TERM": "xterm", "COLUMNS": "100"} | environment
    return subprocess.Popen([sys.executable, "-c", RUN], stdout=stdout, stderr=stderr, env=known)


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
def test_lines_stand_above_the_bar():
    main, terminal = os.openpty()
    with run_with_a_bar(terminal, terminal) as process:
        os.close(terminal)
        written = b""
        with contextlib.suppress(OSError):  # Linux ends a terminal with an error
            while chunk := os.read(main, 4096):
                written += chunk
    os.close(main)
    assert process.returncode == 0
    assert "0/3" in written.decode()
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in written.decode().split("\n")]
    seen = [re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", line) for line in lines]
    assert [line for line in seen if line.startswith(("done", "failed"))] == [
        "done 0",
        "failed 0",
        "done 1",
        "failed 1",
    ]


def test_results_go_to_stdout_even_if_colours_are_forced():
    with run_with_a_bar(subprocess.PIPE, subprocess.PIPE, FORCE_COLOR="1") as process:
        out, err = process.communicate()
    assert out.split() == [b"done", b"0", b"done", b"1"]
    assert b"failed 1" in err
