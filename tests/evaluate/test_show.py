import csv
import io
import json

import pytest

from bigpicture.evaluate.run import ImageScore, Report
from bigpicture.evaluate.show import Shown

COUNTS = {"Set5": 5, "Set14": 14}


def report(
    model: str = "uhdn-x2",
    benchmark: str = "Set5",
    psnr: float = 37.4,
    degradation: str | None = "bi",
    protocol: str = "sr-y",
    scale: int = 2,
    count: int | None = None,
) -> Report:
    names = range(COUNTS[benchmark] if count is None else count)
    images = tuple(ImageScore(f"p{i}", {"psnr": psnr, "ssim": 0.95}) for i in names)
    return Report(model, scale, protocol, images, benchmark, degradation)


def shown(*reports: Report, **options) -> Shown:
    return Shown(reports, {"uhdn-x2": "U-HDN+IKM", "bicubic": "Bicubic"}, **options)


def test_the_paper_s_figure_stands_beside_ours():
    text = shown(report()).text("text")
    (row,) = (line for line in text.splitlines() if line.startswith("U-HDN+IKM"))
    assert row.split()[-2:] == ["38.06", "0.9607"]
    assert "IKM, Table I" in row
    assert text.splitlines()[-1] == ("uhdn-x2 ×2: 37.40 dB PSNR, 0.9500 SSIM (sr-y, mean of 5)")


@pytest.mark.parametrize(
    "other",
    [
        {"degradation": None},
        {"degradation": "bd"},
        {"protocol": "sr-rgb"},
        {"count": 4},
        {"model": "mine"},
        {"scale": 5},
    ],
)
def test_figures_of_other_circumstances_are_not_shown(other):
    text = shown(report(**other)).text("text")
    assert "Table" not in text


def test_every_method_of_the_papers_on_request():
    lines = shown(report(), every=True).text("text").splitlines()
    assert sum("Table" in line for line in lines) > 30
    assert any(line.startswith("RGT+ ") for line in lines)


def test_ensembles_are_compared_with_ensembles():
    ours = Shown([report("cran-x2")], {"cran-x2": "CRAN"}, ensemble=True)
    assert "38.36" in ours.text("text")
    assert "38.31" not in ours.text("text")


def test_json_of_one_report_and_of_several():
    (one, two) = (report(), report("bicubic", psnr=33.7))
    single = shown(one).to_json()
    assert list(single)[:5] == ["model", "scale", "protocol", "mean", "images"]
    assert single["published"] == [
        {"method": "U-HDN+IKM", "psnr": 38.06, "ssim": 0.9607}
        | {"source": "IKM, Table I; IKM, Table II"}
    ]
    several = json.loads(shown(one, two).text("json"))
    assert [each["model"] for each in several["reports"]] == ["uhdn-x2", "bicubic"]


def test_sets_and_scales_side_by_side():
    reports = [
        report(model, name, psnr, scale=scale)
        for scale in (2, 3)
        for name, psnr in (("Set5", 37.4), ("Set14", 33.1))
        for model in ("uhdn-x2", "bicubic")
    ]
    text = shown(*reports).text("markdown")
    header = text.splitlines()[2]
    assert [cell.strip() for cell in header.strip("|").split("|")] == [
        *("method", "scale", "source"),
        *("Set5 PSNR", "Set5 SSIM", "Set14 PSNR", "Set14 SSIM"),
    ]
    assert text.splitlines()[0] == "×2, ×3, BI, protocol sr-y"
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines()[4:]]
    assert ["U-HDN+IKM", "×3", "IKM, Table I", "34.43", "0.9273", "30.39", "0.8424"] in rows
    assert "p0" not in text
    tidy = list(csv.reader(io.StringIO(shown(*reports).text("csv"))))
    assert len(tidy) == 1 + 4 * (6 + 15)


def test_scores_without_a_protocol():
    images = (ImageScore("a.png", {"niqe": 3.5}),)
    text = shown(Report("bicubic", 2, "none", images, "real", None)).text("text")
    assert text.splitlines()[0] == "bicubic, real, ×2"
    assert text.splitlines()[-1] == "bicubic ×2: 3.5000 NIQE (mean of 1)"


def test_a_page_says_how_it_was_measured():
    content = shown(report(), report("bicubic")).page([])
    assert "×2, BI, protocol sr-y" in content
    assert "U-HDN+IKM" in content
    assert "<h2>" not in content
