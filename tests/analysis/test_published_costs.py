from itertools import islice

import pytest
import torch
from torch import nn

from bigpicture.analysis.conventions import by_hooks
from bigpicture.analysis.cost_report import published_json, published_table
from bigpicture.analysis.measure import Measured
from bigpicture.analysis.published_costs import TABLES, rows
from bigpicture.evaluate.published import facts
from bigpicture.models.catalog import build

UNITS = {"M": 1e6, "G": 1e9}


def printed(row) -> dict[str, float]:
    needs = ("parameters", "multiply_adds")
    return {key: f.value * UNITS[f.unit] for key, f in row.published.items() if key in needs}


@pytest.mark.parametrize(
    ("table", "count", "ours"),
    [
        # RCAN, CRAN and RGT: tests/models/test_rcan.py and so on
        ("cran-7", 1, ["EDSR"]),
        ("rgt-3", 5, ["EDSR", "RCAN", "SwinIR"]),
    ],
)
def test_the_papers_counters_are_understood(table, count, ours):
    found = list(islice(rows(table), count))
    assert [row.method for row in found if row.counted is not None] == ours
    for row in found:
        if row.counted is not None:
            for key, value in printed(row).items():
                last = 0.01 * (1e6 if key == "parameters" else 1e9)
                # EDSR's 1,042.7498 is printed without what follows the second digit
                assert getattr(row.counted, key) == pytest.approx(value, abs=last), row.method


def test_heads_are_counted_as_ciao_sr_does():
    found = {row.method: row for row in rows("ciaosr-7")}
    assert [method for method, row in found.items() if row.counted] == ["RDN-LIIF", "RDN-CiaoSR"]
    ours = found["RDN-CiaoSR"]
    assert round(ours.counted.parameters, -5) == printed(ours)["parameters"] == 1.4e6
    assert ours.counted.true.parameters == 23_402_566
    table = published_table("ciaosr-7", list(found.values()), {"RDN-LIIF": Measured(0.5, 2**20)})
    assert len(table.rows) == 5
    assert {len(row) for row in table.rows} == {len(table.header)}
    assert sum(count for _, count in table.groups) == len(table.header)
    assert table.rows[1][4:6] == ["1", "0.500"]
    values = published_json("ciaosr-7", list(found.values()))
    assert values["methods"][4]["published"]["time"] == {"value": 528, "unit": "ms"}
    assert values["methods"][4]["as_the_paper_counts"]["parameters"] == 1_428_614
    assert "multiply_adds" not in values["methods"][0]


def test_every_table_is_a_published_one_of_costs():
    there = {f"{fact.paper}-{fact.table}" for fact in facts() if fact.metric == "parameters"}
    assert set(TABLES) <= there
    with pytest.raises(ValueError, match="'rgt-9'; there are cran-7, rgt-3, ciaosr-7"):
        next(rows("rgt-9"))


def test_hooks_see_all_of_a_network_that_is_made_of_modules():
    with torch.device("meta"):
        network = build("edsr-baseline", 2)
    counted = by_hooks(network, (12, 10))
    assert counted[:2] == (counted.true.parameters, counted.true.multiply_adds)
    assert all(isinstance(m, nn.Module) and not m._forward_hooks for m in network.modules())
