import io
import json
import os

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
