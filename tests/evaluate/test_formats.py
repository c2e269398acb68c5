import csv
import io
import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bigpicture.evaluate.formats import TABLE_FORMATS, Table, written

TABLE = Table(
    ["method", "scale", "PSNR", "SSIM", "PSNR", "SSIM"],
    [
        ["a & b_c", "×2", "33.67", "0.9303", "30.23", "0.8691"],
        ["50 % | more", "×2", "−1.25", "∞", "–", "+0.1000"],
        ["next", "×4", "1.00", "0.5000", "2.00", "0.2500"],
    ],
    left=2,
    groups=[("", 2), ("Set5", 2), ("a very long name of a set", 2)],
    breaks=[2],
    title="×2, ×4",
)


def test_text_lines_up_under_its_groups():
    title, blank, groups, header, rule, *rows = written(TABLE, "text").splitlines()
    assert (title, blank) == ("×2, ×4", "")
    assert set(rule) == set(rows[2]) == {"─"}
    assert len({len(line) for line in (header, rule, *rows)}) == 1
    start, end = (groups.index(text) for text in ("a very", "of a set"))
    last = [match.start() for match in re.finditer("PSNR|SSIM", header)][2:]
    assert start - 1 <= last[0] <= last[1] <= end + len("of a set")


def test_markdown_says_the_group_in_each_title_and_keeps_bars_in_their_cell():
    _, _, header, rule, *rows = written(TABLE, "markdown").splitlines()
    assert "| Set5 PSNR | Set5 SSIM |" in header
    assert rule.count("|") == header.count("|") == 7
    assert r"50 % \| more" in rows[1]


def test_latex_is_escaped_and_balanced():
    lines = written(TABLE, "latex").splitlines()
    assert lines[:2] == ["% ×2, ×4", r"\begin{tabular}{llrrrr}"]
    assert (
        r" &  & \multicolumn{2}{c}{Set5} & \multicolumn{2}{c}{a very long name of a set} \\"
        in lines
    )
    (row,) = (line for line in lines if line.startswith("a "))
    assert row == r"a \& b\_c & $\times$2 & 33.67 & 0.9303 & 30.23 & 0.8691 \\"
    assert r"50 \% \textbar{} more & $\times$2 & $-$1.25 & $\infty$ & – & +0.1000 \\" in lines
    assert [line for line in lines if "rule" in line] == [
        r"\toprule",
        r"\midrule",
        r"\midrule",
        r"\bottomrule",
    ]


def test_latex_of_names_that_would_be_arguments_of_the_row_before():
    table = Table(["image", "PSNR"], [["[1]", "30.00"], ["*", "31.00"], ["<a>", "32.00"]])
    rows = written(table, "latex").splitlines()[4:-2]
    assert [row.partition(" &")[0] for row in rows] == [
        "{[}1]",
        "{*}",
        r"\textless{}a\textgreater{}",
    ]


def read_markdown(text: str) -> list[str]:
    """Return what a reader of Markdown shows of each paragraph and cell; fail for any mark-up."""
    shown = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        if token.type == "inline":
            assert {child.type for child in token.children} <= {"text"}
            shown.append("".join(child.content for child in token.children))
    return shown


@given(*3 * [st.text(string.punctuation + "a1", min_size=1, max_size=8)])
@example("`a*b_c*`", "<b>", "[x](y) &amp; ~~z~~ a|b")
def test_names_are_read_back_from_markdown(title, model, image):
    table = Table(["image", model], [[image, "−1.00"]], title=f"of {title}")
    assert read_markdown(written(table, "markdown")) == [
        f"of {title}",
        *("image", model, image, "−1.00"),
    ]


def test_markdown_lines_up_though_bars_are_escaped():
    table = Table(["image", "a|b"], [["a|b", "30.00"], ["c", "31.00"]])
    lines = written(table, "markdown").splitlines()
    assert len({len(line) for line in lines}) == 1
    assert all(re.sub(r"\\\|", "", line).count("|") == 3 for line in lines)


@pytest.mark.parametrize("kind", ["text", "markdown", "latex"])
def test_a_name_of_several_lines_stays_in_its_row(kind):
    cells, said = [["a\r\nb\u2028c", "30.00"]], "\\end\n\\input{x}"
    broken = Table(["", "set\nof two"], cells, groups=[("", 1), ("x\ny", 1)], title=said)
    cells, said = [["a b c", "30.00"]], "\\end \\input{x}"
    whole = Table(["", "set of two"], cells, groups=[("", 1), ("x y", 1)], title=said)
    assert written(broken, kind) == written(whole, kind)


def test_csv_is_read_back():
    header, *rows = csv.reader(io.StringIO(written(TABLE, "csv")))
    assert header[2:4] == ["Set5 PSNR", "Set5 SSIM"]
    assert rows == [list(row) for row in TABLE.rows]


@pytest.mark.parametrize("kind", TABLE_FORMATS)
def test_a_table_without_rows(kind):
    assert "PSNR" in written(Table(["set", "PSNR"], []), kind)
