import json

import pytest
import torch

from bigpicture.analysis.context import Look
from bigpicture.analysis.figure import save_figure
from bigpicture.analysis.overlays import over_picture, show_looks

LOW = torch.rand(1, 3, 7, 10)


def look(rows, columns, covers=(7.0, 10.0), **options):
    weights = torch.arange(1.0, rows * columns + 1).view(rows, columns)
    return Look("it", weights, covers, **options)


def test_weights_that_cover_the_picture_are_left_as_they_are():
    own = look(3, 3)
    assert over_picture(own, 7, 10) is own.weights


def test_weights_lie_where_their_cells_do():
    # cells of 4×4 pixels, of which the last row and two columns of the picture are in none
    few = over_picture(look(1, 2, (4.0, 8.0)), 7, 10)
    expected = torch.zeros(7, 10)
    expected[:4, :4], expected[:4, 4:8] = 1, 2
    assert torch.equal(few, expected)
    # cells that reach beyond the picture
    many = over_picture(look(2, 3, (8.0, 12.0)), 7, 10)
    assert torch.equal(many[:, 0], torch.tensor([1.0, 1, 1, 1, 4, 4, 4]))
    assert torch.equal(many[0], torch.tensor([1.0, 1, 1, 1, 2, 2, 2, 2, 3, 3]))
    # cells finer than pixels: of those in a pixel, the one after its middle
    fine = over_picture(look(16, 24, (8.0, 12.0)), 7, 10)
    assert torch.equal(fine, look(16, 24).weights[1::2, 1::2][:7, :10])


def test_the_figure_has_a_row_for_each_operator(tmp_path):
    found = {
        "first": [look(2, 2, asked=True), look(1, 1), look(3, 3)],
        "second": [look(1, 1)],
        "third": [look(70, 3)],
    }
    panels, caption, numbers, columns = show_looks(found, LOW, (3, 4), "*r*", operators=2, maps=2)
    assert columns == 3
    assert [panel.title.split(" ")[0] for panel in panels] == [
        "first",
        "it",
        "it",
        "third",
        "it",
        "",
    ]
    assert panels[0].frame == panels[1].frame == (slice(1, 6), slice(2, 7))
    assert panels[2].frame is panels[3].frame is None
    assert "2 of 3 operators look at: first, third." in caption
    assert "The asking pixel is in column 4, row 3." in caption
    save_figure(tmp_path / "a.png", panels, caption, numbers, columns)
    written = json.loads((tmp_path / "a.json").read_text())
    assert (written["picture"], written["pixel"]) == ([10, 7], [4, 3])
    assert [own["name"] for own in written["operators"]] == ["first", "second", "third"]
    (large,) = written["operators"][2]["looks"]
    assert (large["grid"], large["covers"], large["brightest"]) == ([3, 70], [10, 7], [8, 6])
    assert (len(large["weights"]), large["largest"]) == (32, 210)
    with pytest.raises(ValueError, match="no name matches 'x'; names are first, second, third"):
        show_looks(found, LOW, (3, 4), "x")
