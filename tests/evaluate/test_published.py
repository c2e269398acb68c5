"""The papers' tables: well formed always, and the papers' own figures where their texts are."""

import re
from collections import defaultdict

import pytest

from bigpicture.evaluate.published import facts, known_set, method_of, papers, rows
from bigpicture.evaluate.published.lookup import _METHODS, _SETS
from bigpicture.evaluate.published.read import tables
from bigpicture.metrics.protocol import PROTOCOLS
from bigpicture.models.catalog import SIZES

TABLES = {
    "cran": ["1", "2", "3", "4", "5", "6", "7"],
    "ikm": ["I", "II", "III", "IV", "V"],
    "srgrn": ["1", "2", "3", "4"],
    "ciaosr": ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
    "rgt": ["1a", "1b", "1c", "1d", "2", "3"],
}
SETS = {name for name, _ in _SETS.values()} | {"DIV2K-val-10", "RealSRSet"}
PLAUSIBLE = {"psnr": (19, 41), "ssim": (0.4, 1), "lpips": (0.05, 0.5)}
UNITS = {
    "psnr": {"dB"},
    "psnr_gain": {"dB"},
    "parameters": {"K", "M"},
    "parameters_added": {"K"},
    "multiply_adds": {"G"},
    "multiply_adds_added": {"G"},
    "memory": {"MB"},
    "time": {"s", "ms"},
}

FILES = {"cran": "000", "ikm": "001", "srgrn": "002", "ciaosr": "003", "rgt": "004"}
# Of the paper's text, the line with which the table begins and one that follows it.
REGIONS = {
    ("cran", "1"): (r"Block Type", r"Table 1\."),
    ("cran", "2"): (r"Spatial interaction", r"Table 2\."),
    ("cran", "3"): (r"CRAB Position", r"Table 3\."),
    ("cran", "4"): (r"Method\tScale", r"Table 4\."),
    ("cran", "5"): (r"Method\tS\t", r"Table 5\."),
    ("cran", "6"): (r"Method\tS\t", r"Table 6\."),
    ("cran", "7"): (r"\tEDSR \[36\]\tRCAN", r"Table 7\."),
    ("ikm", "I"): (r"Scale \| Method", r"IV Experiments"),
    ("ikm", "II"): (r"Method \| #Params", r"IV-C1"),
    ("ikm", "III"): (r"Architectures \|", r"i\) Residual block"),
    ("ikm", "IV"): (r"Kernel \| Dilation", r"\*\."),
    ("ikm", "V"): (r"U-style residual learning \|", r"IV-D3"),
    ("srgrn", "1"): (r"Case Index", r"4\.3\t"),
    ("srgrn", "2"): (r"Table 2:", r"4\.4\t"),
    ("srgrn", "3"): (r"Table 3:", r"Table 4:"),
    ("srgrn", "4"): (r"Table 4:", r"4\.6\t"),
    ("ciaosr", "1"): (r"Table 1:", r"5 Experiments"),
    **{("ciaosr", str(n)): (rf"Table {n}:", rf"Table {n + 1}:") for n in (2, 4, 5, 6, 7, 8)},
    ("ciaosr", "3"): (r"Table 3:", r"5\.1 "),
    ("ciaosr", "9"): (r"Table 9:", r"5\.4 "),
    ("rgt", "1a"): (r"L-SA RG-SA HAI", r"\(a\)"),
    ("rgt", "1b"): (r"Method Recursion", r"\(b\)"),
    ("rgt", "1c"): (r"Method Vanilla", r"\(c\)"),
    ("rgt", "1d"): (r"Method Params", r"\(d\)"),
    ("rgt", "2"): (r"Set5 Set14", r"Table 2:"),
    ("rgt", "3"): (r"Method EDSR RCAN HAN", r"Table 3:"),
}
ALIASES = {"CiaoSR-real": "Ours-real"}  # what a paper has in place of our name
FIGURE = re.compile(r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?(?![\w.])")


def test_all_tables_are_there():
    found = defaultdict(list)
    for table in tables():
        found[table.paper].append(table.table)
    assert found == TABLES
    assert list(papers()) == list(TABLES)


def test_every_figure_says_what_it_is():
    seen = {}
    for fact in facts():
        low, high = PLAUSIBLE.get(fact.metric, (-1, 1e5))
        assert low < fact.value < high or fact.doubt, fact
        assert fact.unit in UNITS.get(fact.metric, {""}), fact
        assert fact.set is None or fact.set in SETS, fact
        assert fact.protocol is None or fact.protocol in PROTOCOLS, fact
        if fact.metric in ("psnr", "ssim", "lpips"):
            assert fact.set and fact.protocol and fact.degradation, fact
            assert fact.scale is not None, fact
        settings = tuple(sorted(fact.settings.items()))
        key = (fact.paper, fact.table, fact.method, fact.ensemble, fact.set, fact.scale)
        key = (*key, fact.metric, settings)
        assert key not in seen, f"{fact} and {seen[key]} are the same"
        seen[key] = fact


def test_ablations_of_a_table_change_the_same_settings_or_name_them():
    for table in tables():
        names = {name for said in (*table.columns, *table.rows) for name in said.settings}
        assert len(names) <= 4


def test_larger_scales_are_harder():
    """A slip of a row or a column would show here."""
    by_scale = defaultdict(dict)
    for fact in facts():
        if fact.metric == "psnr" and not fact.settings and not fact.doubt:
            key = (fact.paper, fact.method, fact.ensemble, fact.set, fact.degradation)
            by_scale[key][fact.scale] = fact.value
    for key, scores in by_scale.items():
        in_order = [scores[scale] for scale in sorted(scores)]
        assert in_order == sorted(in_order, reverse=True), key


BI_2 = {"scale": 2, "degradation": "bi", "protocol": "sr-y"}


def test_what_is_known_of_a_set_and_of_a_model():
    (row,) = rows(["Set5"], **BI_2, methods=["U-HDN+IKM"])
    assert row.scores == {"Set5": {"psnr": 38.06, "ssim": 0.9607}}
    assert row.sources == ("IKM, Table I", "IKM, Table II")
    every = rows(["Set5"], **BI_2)
    assert every[0].method == "RGT+"
    psnr = [row.scores["Set5"].get("psnr", 0) for row in every]
    assert psnr == sorted(psnr, reverse=True)
    # 32.24 dB of RDN in SRGRN's table 2 cannot be right
    assert not any(32 < value < 33 for value in psnr)
    assert rows(["Set5"], **(BI_2 | {"degradation": "bd"})) == []
    # whose figures in CiaoSR's table 1 are another network's
    of_any = {"degradation": "bi", "protocol": "sr-rgb", "methods": ["SwinIR-baseline"]}
    assert rows(["DIV2K"], scale=2, **of_any) == []
    assert "RGT+" not in [row.method for row in rows(["Set5"], **BI_2, ensemble=False)]
    assert set(_METHODS.values()) <= {fact.method for fact in facts()}
    assert set(_METHODS) <= {*SIZES, "bicubic"}
    assert known_set("Set14", 14) == "Set14"


def test_sizes_that_no_paper_has_borrow_no_figures():
    without = {size for size in SIZES if method_of(size) is None}
    ours = {size for size in SIZES if "light" in size}
    others = {"comonet-s", "ciaosr-rgt", "ciaosr-uhdn", "swinir-real", "swinir-real-l"}
    assert without == ours | others


def test_tables_that_agree_are_one_row_and_others_never_mix():
    at_4 = BI_2 | {"scale": 4}
    (row,) = rows(["Urban100"], **at_4, methods=["RDN-CiaoSR"])
    assert row.scores == {"Urban100": {"psnr": 27.11, "ssim": 0.814, "lpips": 0.255}}
    assert row.sources == ("CiaoSR, Table 2", "CiaoSR, Table 7", "CiaoSR, Table 8")
    for sets in (["Set5", "Set14"], ["Set14", "Set5", "Urban100"]):
        lines = rows(sets, **BI_2)
        for line in lines:
            for source in line.sources:
                paper, _, table = source.partition(", Table ")
                printed = {
                    (fact.set, fact.metric): fact.value
                    for fact in facts()
                    if papers()[fact.paper].name == paper
                    and fact.table == table
                    and fact.method + "+" * fact.ensemble == line.method
                    and (fact.scale, fact.doubt) == (2, None)
                }
                for name, scores in line.scores.items():
                    for metric, value in scores.items():
                        assert printed.get((name, metric), value) == value, line
    merged = rows(["Set14"], **BI_2, methods=["RDN"])[0]
    assert merged.sources == ("CRAN, Table 4", "SRGRN, Table 2", "CiaoSR, Table 2")


@pytest.fixture(scope="module")
def texts(shared):
    folder = shared / "papers"
    if not folder.is_dir():
        pytest.skip(f"no papers at {folder}")
    return {
        paper: next(folder.glob(f"{prefix}_*.txt")).read_text("utf-8").splitlines()
        for paper, prefix in FILES.items()
    }


def region(lines: list[str], begin: str, end: str) -> list[str]:
    """Return the lines from the last that begins a table before the first that ends it."""
    last = next(i for i, line in enumerate(lines) if re.match(end, line))
    first = next(i for i in range(last - 1, -1, -1) if re.match(begin, lines[i]))
    return lines[first:last]


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def named(method: str, text: str) -> bool:
    """Whether a text has a method's name, or what is left of it without the backbone."""
    names = (ALIASES.get(method, method), method.partition("-")[2] or method)
    return any(plain(name) in plain(text) for name in names)


def check_row(table, row, previous, line: str, header: str) -> None:
    """Compare what is said of a row with the rest of its line, or with the lines above."""
    if row.method is None:
        methods = [column.method or table.all.method for column in table.columns]
        if len(set(methods)) > 1:
            assert all(named(method, header) for method in methods), header
    elif previous is None or row.method != previous.method:
        assert named(row.method, line), line
    assert bool(row.ensemble) == bool(row.method and f"{row.method}+" in line), line
    printed = re.search(r"×(?:\\times×)?(\d+)[\s?]|times}?\s?(\d+)", line)
    if row.scale is not None and printed is not None:
        assert row.scale == int(printed[1] or printed[2]), line


@pytest.mark.parametrize("table", tables(), ids=lambda table: f"{table.paper}-{table.table}")
def test_every_figure_is_in_the_paper_s_table(texts, table):
    """Row by row in order, each on one line with the method's name, and no line left over."""
    lines = region(texts[table.paper], *REGIONS[table.paper, table.table])
    taken: list[int] = []
    previous = None
    for row in table.rows:
        wanted = [value for value in row.values.replace("?", "").split() if value != "-"]
        rest = range(taken[-1] + 1 if taken else 0, len(lines))
        here = (i for i in rest if FIGURE.findall(lines[i])[-len(wanted) :] == wanted)
        taken.append(next(here, -1))
        assert taken[-1] >= 0, f"{row} is not in the text, or not in this order"
        check_row(table, row, previous, lines[taken[-1]], " ".join(lines[:2]))
        previous = row
    figures = [i for i, line in enumerate(lines) if len(line) < 300 and re.search(r"\d\.\d", line)]
    left = [lines[i] for i in figures if i not in taken]
    assert left == [], left


@pytest.mark.parametrize("table", tables(), ids=lambda table: f"{table.paper}-{table.table}")
def test_columns_are_in_the_order_of_print(texts, table):
    lines = region(texts[table.paper], *REGIONS[table.paper, table.table])
    header = plain(" ".join(lines[:5])).replace("bsds100", "b100").replace("bsd100", "b100")
    for kind in ("set", "metric"):
        names = list(dict.fromkeys(getattr(c, kind) for c in table.columns))
        names = [plain(name) for name in names if name in SETS or name in ("psnr", "ssim", "lpips")]
        places = [header.find(name) for name in names]
        assert places == sorted(places) and -1 not in places, (names, header)
