"""Which shipped model is taken when none is named."""

import zipfile

import pytest

from bigpicture.weights import index
from bigpicture.weights.index import Entry, default_for


def entry(name: str, scale: int, psnr: float, *, any_scale: bool = False) -> Entry:
    scores = {"Set5": {"psnr": psnr}}
    return Entry(name, "uhdn", scale, any_scale, 1, "none", scores, "sr-y", 1)


@pytest.fixture(autouse=True)
def shipped(monkeypatch) -> None:
    entries = [
        entry("any", 4, 50.0, any_scale=True),
        entry("double", 2, 37.0),
        entry("double-better", 2, 37.5),
        entry("quadruple", 4, 31.0),
    ]
    monkeypatch.setattr(index, "list_models", lambda: entries)


@pytest.mark.parametrize(
    ("scale", "name"),
    [
        (None, "double-better"),
        (1.5, "double-better"),
        (2, "double-better"),
        (2.5, "quadruple"),
        (4, "quadruple"),
        (8, "quadruple"),
    ],
)
def test_the_least_scale_that_is_enough_and_of_these_the_best(scale, name):
    assert default_for(scale) == name


def test_models_are_compared_on_the_sets_that_all_of_them_were_scored_on(monkeypatch):
    worse, better = entry("worse", 2, 37.0), entry("better", 2, 37.5)
    worse.scores["Set14"] = {"psnr": 33.0}
    monkeypatch.setattr(index, "list_models", lambda: [worse, better])
    assert default_for(2) == "better"


def test_the_files_of_a_zipped_package_can_be_read_later(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as package:
        package.writestr("files/one-x2.safetensors", b"tensors")
        package.writestr("files/readme.txt", b"")
    monkeypatch.setattr(index, "files", lambda _: zipfile.Path(tmp_path / "package.zip"))
    found = index._shipped.__wrapped__()
    assert {name: path.read_bytes() for name, path in found.items()} == {"one-x2": b"tensors"}
