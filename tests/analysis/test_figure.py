import json
import sys

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from bigpicture.analysis.figure import check_figure, save_figure
from bigpicture.analysis.panels import Bars, HeatMap, Lines, Overlay, Shown
from bigpicture.image import read

FORMULA = "$a_b_c$.png"  # a name that would be refused as a formula
PICTURE = torch.rand(3, 8, 12)
PANELS = [
    Shown("colour", PICTURE, (slice(1, 4), slice(2, 6))),
    Shown("gray", PICTURE[:1]),
    Overlay("weights", PICTURE, torch.rand(2, 3), "share", (slice(0, 2), slice(0, 2))),
    Overlay("no weights", PICTURE[:1], torch.zeros(8, 12)),
    HeatMap("matrix", torch.eye(4), (0.0, 1.0), "similarity", "blocks", "blocks"),
    Lines("curves", {"a": [0.0, 1.0], "b": [1.0, 0.5]}, "block", "height", [1.0, 2.0]),
    Lines("logarithmic", {"a": [1.0, 1e-3, 0.0]}, lowest=1e-4),
    Bars("bars", {"first": 1.0, "second": 0.5}, "name", "height"),
]


def test_a_figure_is_a_picture_and_its_numbers(tmp_path):
    file = tmp_path / "figure.png"
    caption, numbers = "[\n 1 ]. What is seen. " * 20, {"values": [1, -2.5e-9], "all": [[1], []]}
    assert save_figure(file, PANELS, caption, numbers) == (file, tmp_path / "figure.json")
    text = (tmp_path / "figure.json").read_text()
    assert json.loads(text) == {"caption": caption, **numbers}
    assert '"values": [1, -2.5e-09]' in text
    pixels = read(file).colour
    assert pixels.shape[1] > 1200  # three panels wide
    assert pixels.std() > 10
    assert b"What is seen." in file.read_bytes()


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_each_panel_alone_is_the_same_twice(tmp_path, panel):
    for name in ("a.png", "b.png"):
        save_figure(tmp_path / name, [panel], "", {})
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_legend_has_every_name():
    axes = Figure().subplots()
    Lines("", {"_DSC0001.jpg": [0.0, 1.0], "b.jpg": [1.0, 0.5]}).draw(axes)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["_DSC0001.jpg", "b.jpg"]


@pytest.mark.parametrize(
    "panel",
    [
        Lines(FORMULA, {"a": [0.0, 1.0]}),
        Lines("", {FORMULA: [0.0, 1.0], "b": [1.0, 0.5]}),
        Lines("", {"a": [0.0, 1.0]}, FORMULA),
        Bars("", {"a": 1.0}, "", FORMULA),
        HeatMap("", torch.eye(4), None, FORMULA),
    ],
    ids=["title", "legend", "horizontal", "vertical", "colours"],
)
def test_a_dollar_sign_begins_no_formula(tmp_path, panel):
    save_figure(tmp_path / "a.png", [panel], f"What {FORMULA} shows.", {})
    assert read(tmp_path / "a.png").colour.std() > 0  # matplotlib fails at what is no formula


def test_a_shown_picture_has_its_colours(tmp_path):
    picture = torch.tensor([0.2, 0.6, 1.0]).view(3, 1, 1).expand(3, 4, 4)
    save_figure(tmp_path / "a.png", [Shown("", picture)], "", {})
    found = read(tmp_path / "a.png").colour[..., :3].reshape(-1, 3)
    assert (found == np.array([51, 153, 255])).all(1).mean() > 0.5


def test_what_cannot_be_written_is_refused_before_any_work(tmp_path):
    with pytest.raises(ValueError, match="ends in .png"):
        check_figure(tmp_path / "figure.jpg")
    with pytest.raises(OSError, match="make it first"):
        check_figure(tmp_path / "not there" / "figure.png")
    with pytest.raises(ValueError, match="needs one"):
        save_figure(tmp_path / "figure.png", [], "", {})
    with pytest.raises(ValueError, match="JSON compliant"):
        save_figure(tmp_path / "figure.png", PANELS[:1], "", {"value": float("nan")})
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"bigpicture\[analysis\]"):
        check_figure(tmp_path / "figure.png")
