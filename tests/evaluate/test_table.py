import pytest

from bigpicture.evaluate.run import ImageScore, Report
from bigpicture.evaluate.table import comparison_table, image_table

REPORT = Report(
    "bicubic",
    2.5,
    "sr-rgb",
    (
        ImageScore("a-long-name", {"psnr": 9.5, "ssim": 0.25}),
        ImageScore("b", {"psnr": 31.256, "ssim": 0.75}),
    ),
)


def test_a_report_states_its_protocol_and_lines_up():
    title, blank, *lines = image_table(REPORT).splitlines()
    assert (title, blank) == ("bicubic, ×2.5, protocol sr-rgb", "")
    assert len({len(line) for line in lines}) == 1
    assert lines[2] == "| a-long-name |  9.50 | 0.2500 |"
    assert lines[-1] == "| mean        | 20.38 | 0.5000 |"


def test_reports_side_by_side():
    lines = comparison_table([("Set5", REPORT), ("Set14", REPORT)]).splitlines()
    assert lines[0] == "| model   | benchmark | scale | protocol |  PSNR |   SSIM |"
    assert lines[1] == "|:--------|:----------|:------|:---------|------:|-------:|"
    assert lines[3] == "| bicubic | Set14     | ×2.5  | sr-rgb   | 20.38 | 0.5000 |"


def test_nothing_and_unlike_things_are_refused():
    with pytest.raises(ValueError, match="reports is empty"):
        comparison_table([])
    other = Report("other", 2, "sr-y", (ImageScore("b", {"lpips": 0.1}),))
    with pytest.raises(ValueError, match="different metrics"):
        comparison_table([("Set5", REPORT), ("Set5", other)])
