"""The places where models differ, on pictures where they are known, and the page of them."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from bigpicture.data.benchmarks import Pair
from bigpicture.evaluate.bicubic import bicubic
from bigpicture.evaluate.crops import SIDE, Gallery, error_map, windows
from bigpicture.evaluate.formats import Table
from bigpicture.evaluate.page import page
from bigpicture.evaluate.run import compare
from bigpicture.image import decode
from bigpicture.metrics.protocol import SR_Y


def pair(name: str, height: int = 240, width: int = 260, channels: int = 3) -> Pair:
    reference = torch.full((channels, height, width), 0.5)
    return Pair(name, reference[:, ::2, ::2].contiguous(), reference)


def spoiled(places: dict[tuple[int, int], float]):
    """A model that is right but for spots of the high-resolution picture."""

    def restore(low):
        high = bicubic(2)(low)
        for (top, left), error in places.items():
            high[..., top : top + 12, left : left + 12] += error
        return high

    return restore


def crops_of(models, pairs, count=6):
    gallery = Gallery(count, "Set", 2)
    compare(models, pairs, scale=2, protocol=SR_Y, watch=gallery.watch)
    return gallery.crops


def test_crops_are_where_models_differ_most():
    models = {"good": spoiled({}), "bad": spoiled({(150, 180): 0.2, (20, 30): 0.1})}
    first, second = crops_of(models, [pair("a")])
    for crop, spot in ((first, (150, 180)), (second, (20, 30))):
        top, left = crop.place
        assert top <= spot[0] <= top + SIDE - 12
        assert left <= spot[1] <= left + SIDE - 12
    assert first.difference > second.difference
    assert list(first.restored) == ["bicubic", "good", "bad"]
    assert first.scores["good"] > first.scores["bad"]
    assert (first.benchmark, first.name, first.scale) == ("Set", "a", 2)
    np.testing.assert_array_equal(first.restored["good"], first.reference)
    assert (first.restored["bad"] != first.reference).any(2).sum() == 12 * 12


def test_what_models_share_is_no_difference():
    same = {(150, 180): 0.2}
    first, *_ = crops_of(
        {"one": spoiled(same), "two": spoiled(same | {(20, 30): 0.05})}, [pair("a")]
    )
    assert first.place[0] < 40


def test_one_model_is_held_against_bicubic():
    (first, *_) = crops_of({"one": spoiled({(150, 180): 0.2})}, [pair("a")])
    assert list(first.restored) == ["bicubic", "one"]
    assert first.place[0] > 60


def test_each_picture_gives_one_crop_before_any_gives_two():
    two = spoiled({(150, 180): 0.3, (20, 30): 0.3})
    pairs = [pair("a"), pair("b"), pair("c")]
    weak = {"one": spoiled({}), "two": two}
    assert sorted(crop.name for crop in crops_of(weak, pairs, 3)) == ["a", "b", "c"]
    assert len(crops_of(weak, pairs, 2)) == 2
    assert [crop.name for crop in crops_of(weak, pairs, 4)].count("a") == 2


@pytest.mark.parametrize(("height", "width", "channels"), [(40, 60, 1), (30, 200, 3), (240, 40, 1)])
def test_small_and_gray_pictures(height, width, channels):
    data = [pair("a", height, width, channels)]
    (crop, *_) = crops_of({"one": spoiled({(10, 10): 0.3})}, data)
    assert crop.reference.shape == (min(height, SIDE), min(width, SIDE), 3)
    assert page("t", "a", [], [crop]).count("<img") == 6


def test_pictures_without_reference_have_no_crops():
    with pytest.raises(ValueError, match="a has no reference"):
        compare(
            {"one": spoiled({})},
            [pair("a")._replace(reference=None)],
            scale=2,
            protocol=None,
            metrics=["piqe"],
            watch=Gallery(2, "Set", 2).watch,
        )


def test_windows_keep_off_the_border_and_off_each_other():
    apart = torch.zeros(60, 60)
    apart[0, :] = 9.0
    apart[30, 30] = 1.0
    apart[33, 33] = 0.9
    apart[50, 10] = 0.5
    (first, value), (second, _) = windows(apart, 16, 2, 3)
    assert value == pytest.approx(1.9 / 256)
    assert any(abs(a - b) >= 16 for a, b in zip(first, second, strict=True))


def test_errors_from_black_to_light():
    reference = np.zeros((1, 3, 3), np.uint8)
    restored = np.array([[[0, 0, 0], [24, 24, 24], [99, 99, 99]]], np.uint8)
    none, half, most = error_map(restored, reference, 48)[0].astype(int).sum(1)
    assert none == 0 < half < most == 255 + 255 + 200


class Balance(HTMLParser):
    """Checks that what is opened is closed, and collects what is loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.loaded, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.loaded += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_a_page_is_one_file_with_its_pictures_inside():
    crops = crops_of({"a <b>": spoiled({(150, 180): 0.2})}, [pair("x & y")])
    table = Table(
        ["method", "PSNR"], [["a <b>", "30.00"], ["c", "29.00"]], 1, [("", 1), ("Set", 1)], [1], "T"
    )
    content = page("a <b>", "×2 & more", [table], crops)
    parser = Balance()
    parser.feed(content)
    assert parser.open == []
    assert "<script" not in content
    assert len(parser.loaded) == 6 * len(crops)
    assert all(source.startswith("data:image/png;base64,") for source in parser.loaded)
    text = " ".join(parser.text)
    assert "a <b>" in text
    assert "x & y" in text
    sizes = re.findall(r'width="(\d+)" height="(\d+)"', content)
    for source, size in list(zip(parser.loaded, sizes, strict=True))[1:6]:
        picture = decode(base64.b64decode(source.partition(",")[2]))
        assert (picture.width * 3, picture.height * 3) == tuple(map(int, size))
    original = decode(base64.b64decode(parser.loaded[1].partition(",")[2]))
    np.testing.assert_array_equal(original.colour, crops[0].reference)
