import csv
import io
import math

import pytest

from bigpicture.evaluate.formats import written
from bigpicture.evaluate.run import ImageScore, Report
from bigpicture.evaluate.table import (
    Line,
    image_tables,
    measured,
    summary,
    tidy,
)

REPORT = Report(
    "bicubic",
    2.5,
    "sr-rgb",
    (
        ImageScore("a-long-name", {"psnr": 9.5, "ssim": 0.25}),
        ImageScore("b", {"psnr": 31.256, "ssim": 0.75}),
    ),
)


def report(model: str, psnr: float, *, scale: int = 2, benchmark: str = "Set5") -> Report:
    images = (
        ImageScore("a", {"psnr": psnr - 1.0, "ssim": 0.8}),
        ImageScore("b", {"psnr": psnr + 1.0, "ssim": 0.9}),
    )
    return Report(model, scale, "sr-y", images, benchmark, "bi")


def test_a_report_states_its_protocol_and_lines_up():
    (table,) = image_tables([REPORT])
    title, blank, *lines = written(table, "markdown").splitlines()
    assert (title, blank) == ("bicubic, ×2.5, protocol sr-rgb", "")
    assert len({len(line) for line in lines}) == 1
    assert lines[2] == "| a-long-name |  9.50 | 0.2500 |"
    assert lines[-1] == "| mean        | 20.38 | 0.5000 |"


def test_a_summary_in_markdown():
    lines = [report("one", 38), report("one", 34, benchmark="Set14")]
    header, rule, row = written(summary(measured(lines)), "markdown").splitlines()
    assert header == "| method | scale | Set5 PSNR | Set5 SSIM | Set14 PSNR | Set14 SSIM |"
    assert rule == "|:-------|:------|----------:|----------:|-----------:|-----------:|"
    assert row == "| one    | ×2    |     38.00 |    0.8500 |      34.00 |     0.8500 |"


def test_nothing_and_unlike_things_are_refused():
    with pytest.raises(ValueError, match="reports is empty"):
        tidy([])
    other = Report("other", 2, "sr-y", (ImageScore("b", {"lpips": 0.1}),))
    with pytest.raises(ValueError, match="different metrics"):
        tidy([REPORT, other])
    with pytest.raises(ValueError, match="different pictures"):
        image_tables([REPORT, other])
    with pytest.raises(ValueError, match="lines is empty"):
        summary([])


def test_models_are_columns_with_their_difference_from_the_first():
    psnr, ssim = image_tables([report("one", 30), report("two", 30.25), report("three", 28)])
    assert psnr.title == "PSNR, Set5, ×2, BI, protocol sr-y"
    assert psnr.header == ["image", "one", "two", "Δ", "three", "Δ"]
    assert psnr.rows[0] == ("a", "29.00", "29.25", "+0.25", "27.00", "−2.00")
    assert psnr.rows[-1] == ("mean", "30.00", "30.25", "+0.25", "28.00", "−2.00")
    assert ssim.rows[0] == ("a", "0.8000", "0.8000", "0.0000", "0.8000", "0.0000")


def test_a_summary_has_a_row_for_each_model_and_a_column_for_each_set():
    reports = [
        report(model, psnr + shift - scale, scale=scale, benchmark=benchmark)
        for scale in (3, 2)
        for benchmark, psnr in (("Set5", 38), ("Set14", 34))
        for model, shift in (("one", 0), ("two", -1))
    ]
    lines = measured(reports, differences=True)
    assert [(line.method, line.scale) for line in lines] == [
        (method, scale) for scale in (2, 3) for method in ("one", "two", "two − one")
    ]
    table = summary(lines, "title")
    assert table.groups == [("", 2), ("Set5", 2), ("Set14", 2)]
    assert table.breaks == [3]
    assert table.rows[0] == ["one", "×2", "36.00", "0.8500", "32.00", "0.8500"]
    assert table.rows[2] == ["two − one", "×2", "−1.00", "0.0000", "−1.00", "0.0000"]


def test_published_lines_name_their_source_and_lack_what_they_lack():
    lines = [
        *measured([report("one", 38)]),
        Line("RDN", 2, {"Set5": {"psnr": 38.24}}, "CiaoSR, Table 2"),
    ]
    table = summary(lines)
    assert table.header == ["method", "scale", "source", "PSNR", "SSIM"]
    assert table.rows[0] == ["one", "×2", "here", "38.00", "0.8500"]
    assert table.rows[1] == ["RDN", "×2", "CiaoSR, Table 2", "38.24", "–"]


def test_tidy_holds_every_number_in_full():
    rows = list(csv.DictReader(io.StringIO(written(tidy([report("one", 30.123456789)]), "csv"))))
    assert [row["image"] for row in rows] == ["a", "b", "mean"]
    assert [float(row["psnr"]) for row in rows] == pytest.approx(
        [29.123456789, 31.123456789, 30.123456789], abs=1e-12
    )
    first = [rows[0][key] for key in ("benchmark", "degradation", "protocol")]
    assert first == ["Set5", "bi", "sr-y"]
    (row, *_) = csv.DictReader(io.StringIO(written(tidy([REPORT]), "csv")))
    assert row["degradation"] == ""  # unknown


def test_what_is_no_number_is_shown_as_such():
    images = (ImageScore("a", {"psnr": math.inf, "niqe": math.nan}),)
    (table,) = image_tables([Report("one", 2, "sr-y", images)])
    assert table.rows[0] == ["a", "∞", "–"]
    _, niqe = image_tables([Report(name, 2, "sr-y", images) for name in ("one", "two")])
    assert niqe.rows[0] == ("a", "–", "–", "–")


def test_negative_scores_have_the_minus_of_differences():
    negative = ImageScore("a", {"psnr": -1.256, "brisque": -0.001})
    (table,) = image_tables([Report("one", 2, "sr-y", (negative,))])
    assert table.rows[0] == ["a", "−1.26", "0.00"]
