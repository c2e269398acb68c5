import json
import math
import re

import numpy as np
import pytest
import torch

from bigpicture.degrade.bd import bd
from bigpicture.degrade.bi import bi
from bigpicture.degrade.record import KINDS, Record, draw


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_record_replays_bit_by_bit(kind, photo):
    for seed in range(5):
        record = draw(kind, 3, generator(seed))
        again = Record.from_json(json.loads(json.dumps(record.to_json())))
        assert again == record
        np.testing.assert_array_equal(again.apply(photo), record.apply(photo))


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides(kind, photo):
    assert draw(kind, 3, generator(1)) == draw(kind, 3, generator(1))
    differ = draw(kind, 3, generator(1)) != draw(kind, 3, generator(2))
    assert differ == (kind not in ("bi", "bd"))


def test_the_global_generator_is_left_alone(photo):
    before = torch.get_rng_state()
    draw("realesrgan", 4, generator()).apply(photo)
    draw("bsrgan", 4, generator()).apply(photo)
    assert torch.equal(before, torch.get_rng_state())


def test_what_is_not_drawn(photo):
    np.testing.assert_array_equal(draw("bi", 2, generator()).apply(photo), bi(photo, 2))
    np.testing.assert_array_equal(draw("bd", 3, generator()).apply(photo), bd(photo, 3))
    assert draw("bi", 2.5, generator()).apply(photo).shape == (38, 48, 3)


def test_records_of_dn_are_as_documented():
    record = Record.from_json({"scale": 4, "degradation": {"kind": "dn", "seed": 5, "sigma": 30}})
    assert record.to_json() == {
        "scale": 4,
        "degradation": {"seed": 5, "sigma": 30, "kind": "dn"},
    }


def chain(**step):
    return {"scale": 2, "degradation": {"kind": "bsrgan", "steps": [step]}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"scale": 2}, "degradation: "),
        ({"scale": 2, "degradation": {"kind": "xy"}}, "'xy'"),
        ({"scale": 2, "degradation": {"kind": "bi", "more": 1}}, "degradation.bi.more"),
        ({"scale": 2, "degradation": {"kind": "bi"}, "seed": 1}, "seed: unexpected"),
        (
            chain(kind="compression", codec="gif", quality=5),
            "steps.0.compression.codec",
        ),
        (
            chain(kind="compression", codec="webp", quality=500),
            "compression: quality is 500; give 1 to 100",
        ),
        ("text", "no record of a degradation (input should be"),
        (None, "no record"),
        ({"scale": 2, "degradation": {"kind": "BI"}}, "degradation: input tag 'BI'"),
        ({"scale": math.inf, "degradation": {"kind": "bi"}}, "scale.float: input should be"),
        ({"scale": 2, "degradation": {"kind": "dn", "seed": 1, "sigma": math.nan}}, "sigma"),
        (chain(kind="resize", method="area", ratio=math.inf), "ratio.float: input should be"),
        (chain(kind="resize", method="area", ratio=0), "resize: ratio is 0; give a positive"),
        (chain(kind="subsample", sigma=0, step=2), "sigma is 0; give a positive number"),
        (chain(kind="subsample", sigma=1, step=0), "step is 0; give the side of a cell"),
    ],
)  # fmt: skip
def test_other_content_is_refused(content, reason):
    with pytest.raises(ValueError, match=re.escape(reason)) as raised:
        Record.from_json(content)
    assert "value error" not in str(raised.value).lower()


def test_wrong_requests_are_refused(photo):
    with pytest.raises(ValueError, match="kind is 'bicubic'; give one of bi, bd"):
        draw("bicubic", 2, generator())
    with pytest.raises(ValueError, match=r"scale is 0\.5"):
        draw("bsrgan", 0.5, generator())
    with pytest.raises(ValueError, match=r"scale is 2\.5; BD"):
        draw("bd", 2.5, generator()).apply(photo)
