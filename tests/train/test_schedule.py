import pytest

from bigpicture.config import ConfigError, parse
from bigpicture.train.parts.optimiser import OptimiserPart
from bigpicture.train.schedule import rate_at, unreached


def test_a_cosine_climbs_first_and_ends_at_nothing():
    cosine = OptimiserPart(rate=1.0, steps=110, warmup=10)
    rates = [rate_at(step, cosine) for step in range(110)]
    assert rates[:10] == pytest.approx([i / 10 for i in range(1, 11)])
    assert rates[60] == pytest.approx(0.5)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 1e-3


def test_halves_come_where_they_should():
    halved = OptimiserPart(rate=1.0, steps=100, schedule="step", halve_every=30)
    assert [rate_at(step, halved) for step in (0, 29, 30, 99)] == [1, 1, 0.5, 0.125]
    # RGT's
    at = (250, 400, 450, 475)
    listed = OptimiserPart(rate=1.0, steps=500, schedule="multistep", halve_at=at)
    assert [rate_at(step, listed) for step in (249, 250, 399, 400, 450, 475, 499)] == [
        1, 0.5, 0.5, 0.25, 0.125, 0.0625, 0.0625,
    ]  # fmt: skip
    constant = OptimiserPart(rate=1.0, steps=100, schedule="constant", warmup=2)
    assert [rate_at(step, constant) for step in (0, 1, 99)] == [0.5, 1, 1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "multistep"}, "give both schedule = 'multistep' and halve_at"),
        ({"halve_at": [3]}, "schedule is 'cosine' and halve_at is \\[3\\]"),
        ({"schedule": "multistep", "halve_at": [3, 3]}, "must climb"),
        ({"betas": [0.9, 1.0]}, "less than 1"),
    ],
)
def test_schedules_that_are_none_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        parse({"rate": 1.0, "steps": 10} | settings, OptimiserPart, "here")


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        ({"warmup": 9, "schedule": "constant"}, []),
        ({"warmup": 10}, ["optimiser.warmup = 10"]),
        ({"schedule": "step", "halve_every": 9}, []),
        ({"schedule": "step", "halve_every": 10}, ["optimiser.halve_every = 10"]),
        ({"schedule": "multistep", "halve_at": [4, 9]}, []),
        ({"schedule": "multistep", "halve_at": [4, 10, 12]}, ["optimiser.halve_at = [10, 12]"]),
    ],
)
def test_what_comes_after_the_last_step_is_told(settings, keys):
    assert unreached(OptimiserPart.model_validate({"rate": 1.0, "steps": 10} | settings)) == keys
