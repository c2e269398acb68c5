"""Folders, patterns and lists, with links that go in circles and names that no one expects."""

import io
import os
import sys
from pathlib import Path

import pytest

from bigpicture.app.inputs import LIST, expand


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in (
        "b.png",
        "a.jpg",
        "notes.txt",
        ".hidden.png",
        ".git/x.png",
        "one/c.gif",
        "one/two/d.TIF",
    ):
        file = tmp_path / "in" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*inputs, recursive=False):
    return [(str(f.file), str(f.below)) for f in expand(map(Path, inputs), recursive=recursive)]


def test_folders_are_sorted_and_trees_kept(tree):
    assert found("in") == [("in/a.jpg", "."), ("in/b.png", ".")]
    assert found("in", recursive=True) == [
        ("in/a.jpg", "."),
        ("in/b.png", "."),
        ("in/one/c.gif", "one"),
        ("in/one/two/d.TIF", "one/two"),
    ]


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("in/*.png", [("in/b.png", ".")]),
        ("in/[ab].*", [("in/a.jpg", "."), ("in/b.png", ".")]),
        ("i?/**/*.[gT]*", [("in/one/c.gif", "in/one"), ("in/one/two/d.TIF", "in/one/two")]),
        ("in/**/two/*", [("in/one/two/d.TIF", "one/two")]),
        ("in/on*", [("in/one/c.gif", "one")]),
        ("in/o*/**", [("in/one/c.gif", "one"), ("in/one/two/d.TIF", "one/two")]),
    ],
)
def test_patterns_that_no_shell_has_replaced(tree, pattern, files):
    assert found(pattern) == files


def test_a_file_is_itself_even_if_it_looks_like_a_pattern(tree):
    (tree / "in" / "x[1].png").touch()
    assert found("in/x[1].png") == [("in/x[1].png", ".")]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gone.png", "no such file or folder"),
        ("gone*.png", "no picture matches"),
        ("in/*.txt", "no picture matches"),
        ("in/**x/*.png", "is not valid"),
        ("x" * 300, "too long"),
        ("in/b.png/c.png", "cannot be found"),
        ("nul\0.png", "cannot be found"),
    ],
)
def test_what_stands_for_nothing_says_why(tree, name, reason):
    if sys.version_info >= (3, 13) and "**x" in name:
        reason = "no picture matches"
    (one,) = expand([Path(name)])
    assert reason in one.error


def test_what_phones_and_cameras_write_is_found_though_it_may_not_be_readable(tree):
    """So that it is reported, not left out in silence."""
    for name in ("a.HEIC", "b.jfif", "c.jxl", "d.DNG", "e.cr3"):
        (tree / "phone" / name).parent.mkdir(exist_ok=True)
        (tree / "phone" / name).touch()
    names = ["phone/a.HEIC", "phone/b.jfif", "phone/c.jxl", "phone/d.DNG", "phone/e.cr3"]
    assert [file for file, _ in found("phone")] == names


def test_an_empty_folder_says_so(tree):
    (tree / "empty" / "sub").mkdir(parents=True)
    (one,) = expand([Path("empty")])
    assert "--recursive" in one.error


@pytest.mark.skipif(sys.platform == "win32", reason="makes links")
def test_links_that_go_in_circles_end_and_nothing_is_found_twice(tree):
    inside = tree / "in"
    (inside / "again").symlink_to(inside)
    (inside / "one" / "up").symlink_to(inside)
    (inside / "elsewhere").symlink_to(tree / "other")
    (inside / "self.png").symlink_to(inside / "self.png")
    (tree / "other").mkdir()
    (tree / "other" / "e.png").touch()
    (tree / "other" / "back").symlink_to(inside)
    files = [file for file, _ in found("in", recursive=True)]
    assert files == [
        "in/a.jpg", "in/b.png", "in/elsewhere/e.png", "in/one/c.gif", "in/one/two/d.TIF",
        "in/self.png",
    ]  # fmt: skip
    assert [file for file, _ in found("in/**/*.png")] == ["in/b.png", "in/self.png"]
    (one,) = expand([inside / "self.png"])
    assert "cannot be found" in one.error


def test_a_folder_that_cannot_be_listed_is_named(tree, monkeypatch):
    real = os.scandir

    def refuse(path):
        if Path(path).name == "one":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    errors = {str(f.file): f.error for f in expand([Path("in")], recursive=True)}
    assert errors["in/b.png"] is None
    assert "Permission denied" in errors["in/one"]


def listing(monkeypatch, text: bytes):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def test_a_list_keeps_the_tree_of_relative_names(tree, monkeypatch):
    outside = os.fsencode(tree / "in" / "b.png")
    listing(monkeypatch, b"in/one/c.gif\r\n\nin\n./in/b.png\n../gone.png\n" + outside)
    assert found(LIST) == [
        ("in/one/c.gif", "in/one"),
        ("in/a.jpg", "."),
        ("in/b.png", "."),
        ("in/b.png", "in"),
        ("../gone.png", "."),
        (str(tree / "in" / "b.png"), "."),
    ]


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names are Unicode here")
def test_a_list_ended_by_nul_has_names_of_any_bytes(tree, monkeypatch):
    names = [b"two words.png", b"new\nline.png", b"latin\xe9.png", b"-dash.png"]
    for name in names:
        Path(os.fsdecode(name)).touch()
    listing(monkeypatch, b"\0".join(names) + b"\0")
    assert [os.fsencode(file) for file, _ in found(LIST)] == names


def test_a_pattern_that_ends_in_two_stars_is_all_files_below(tree):
    assert found("in/**") == found("in", recursive=True)
    assert found("in/**") == found("in/**/*.*")
